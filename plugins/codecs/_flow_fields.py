"""The names and types of the fields of NetFlow 9 and IPFIX.

A table is text: a number says what the name behind it stands for, and the names that follow count
up; ``-`` leaves a number out. Types other than unsigned numbers stand in the second table of a
pair. Sources: IANA's registry of IPFIX information elements, RFC 3954, RFC 5103 (reverse fields),
the vendors' documentation; the short names of NetFlow 9 are Cisco's, in Logstash's spelling.
"""

from __future__ import annotations

from functools import cache

Field = tuple[str, str]
"""A name and a type. The types: uint, int, float, string, octets, ip, mac, skip, and forwarding,
application, acl, mpls.
"""

REVERSE = 29305

_IANA = """
1 octetDeltaCount packetDeltaCount deltaFlowCount protocolIdentifier ipClassOfService tcpControlBits
sourceTransportPort sourceIPv4Address sourceIPv4PrefixLength ingressInterface
destinationTransportPort destinationIPv4Address destinationIPv4PrefixLength egressInterface
ipNextHopIPv4Address bgpSourceAsNumber bgpDestinationAsNumber bgpNextHopIPv4Address
postMCastPacketDeltaCount postMCastOctetDeltaCount flowEndSysUpTime flowStartSysUpTime
postOctetDeltaCount postPacketDeltaCount minimumIpTotalLength maximumIpTotalLength sourceIPv6Address
destinationIPv6Address sourceIPv6PrefixLength destinationIPv6PrefixLength flowLabelIPv6
icmpTypeCodeIPv4 igmpType samplingInterval samplingAlgorithm flowActiveTimeout flowIdleTimeout
engineType engineId exportedOctetTotalCount exportedMessageTotalCount exportedFlowRecordTotalCount
ipv4RouterSc sourceIPv4Prefix destinationIPv4Prefix mplsTopLabelType mplsTopLabelIPv4Address
samplerId samplerMode samplerRandomInterval classId minimumTTL maximumTTL fragmentIdentification
postIpClassOfService sourceMacAddress postDestinationMacAddress vlanId postVlanId ipVersion
flowDirection ipNextHopIPv6Address bgpNextHopIPv6Address ipv6ExtensionHeaders
70 mplsTopLabelStackSection mplsLabelStackSection2 mplsLabelStackSection3 mplsLabelStackSection4
mplsLabelStackSection5 mplsLabelStackSection6 mplsLabelStackSection7 mplsLabelStackSection8
mplsLabelStackSection9 mplsLabelStackSection10 destinationMacAddress postSourceMacAddress
interfaceName interfaceDescription samplerName octetTotalCount packetTotalCount flagsAndSamplerId
fragmentOffset forwardingStatus mplsVpnRouteDistinguisher mplsTopLabelPrefixLength srcTrafficIndex
dstTrafficIndex applicationDescription applicationId applicationName - postIpDiffServCodePoint
multicastReplicationFactor className classificationEngineId layer2packetSectionOffset
layer2packetSectionSize layer2packetSectionData
128 bgpNextAdjacentAsNumber bgpPrevAdjacentAsNumber exporterIPv4Address exporterIPv6Address
droppedOctetDeltaCount droppedPacketDeltaCount droppedOctetTotalCount droppedPacketTotalCount
flowEndReason commonPropertiesId observationPointId icmpTypeCodeIPv6 mplsTopLabelIPv6Address
lineCardId portId meteringProcessId exportingProcessId templateId wlanChannelId wlanSSID flowId
observationDomainId flowStartSeconds flowEndSeconds flowStartMilliseconds flowEndMilliseconds
flowStartMicroseconds flowEndMicroseconds flowStartNanoseconds flowEndNanoseconds
flowStartDeltaMicroseconds flowEndDeltaMicroseconds systemInitTimeMilliseconds
flowDurationMilliseconds flowDurationMicroseconds observedFlowTotalCount ignoredPacketTotalCount
ignoredOctetTotalCount notSentFlowTotalCount notSentPacketTotalCount notSentOctetTotalCount
destinationIPv6Prefix sourceIPv6Prefix postOctetTotalCount postPacketTotalCount flowKeyIndicator
postMCastPacketTotalCount postMCastOctetTotalCount icmpTypeIPv4 icmpCodeIPv4 icmpTypeIPv6
icmpCodeIPv6 udpSourcePort udpDestinationPort tcpSourcePort tcpDestinationPort tcpSequenceNumber
tcpAcknowledgementNumber tcpWindowSize tcpUrgentPointer tcpHeaderLength ipHeaderLength
totalLengthIPv4 payloadLengthIPv6 ipTTL nextHeaderIPv6 mplsPayloadLength ipDiffServCodePoint
ipPrecedence fragmentFlags octetDeltaSumOfSquares octetTotalSumOfSquares mplsTopLabelTTL
mplsLabelStackLength mplsLabelStackDepth mplsTopLabelExp ipPayloadLength udpMessageLength
isMulticast ipv4IHL ipv4Options tcpOptions paddingOctets collectorIPv4Address collectorIPv6Address
exportInterface exportProtocolVersion exportTransportProtocol collectorTransportPort
exporterTransportPort tcpSynTotalCount tcpFinTotalCount tcpRstTotalCount tcpPshTotalCount
tcpAckTotalCount tcpUrgTotalCount ipTotalLength postNATSourceIPv4Address
postNATDestinationIPv4Address postNAPTSourceTransportPort postNAPTDestinationTransportPort
natOriginatingAddressRealm natEvent initiatorOctets responderOctets firewallEvent ingressVRFID
egressVRFID VRFname postMplsTopLabelExp tcpWindowScale biflowDirection ethernetHeaderLength
ethernetPayloadLength ethernetTotalLength dot1qVlanId dot1qPriority dot1qCustomerVlanId
dot1qCustomerPriority metroEvcId metroEvcType pseudoWireId pseudoWireType pseudoWireControlWord
ingressPhysicalInterface egressPhysicalInterface postDot1qVlanId postDot1qCustomerVlanId
ethernetType postIpPrecedence collectionTimeMilliseconds exportSctpStreamId maxExportSeconds
maxFlowEndSeconds messageMD5Checksum messageScope minExportSeconds minFlowStartSeconds opaqueOctets
sessionScope maxFlowEndMicroseconds maxFlowEndMilliseconds maxFlowEndNanoseconds
minFlowStartMicroseconds minFlowStartMilliseconds minFlowStartNanoseconds collectorCertificate
exporterCertificate dataRecordsReliability observationPointType newConnectionDeltaCount
connectionSumDurationSeconds connectionTransactionId postNATSourceIPv6Address
postNATDestinationIPv6Address natPoolId natPoolName anonymizationFlags anonymizationTechnique
informationElementIndex p2pTechnology tunnelTechnology encryptedTechnology basicList subTemplateList
subTemplateMultiList bgpValidityState IPSecSPI greKey natType initiatorPackets responderPackets
observationDomainName selectionSequenceId selectorId informationElementId selectorAlgorithm
samplingPacketInterval samplingPacketSpace samplingTimeInterval samplingTimeSpace samplingSize
samplingPopulation samplingProbability dataLinkFrameSize ipHeaderPacketSection
ipPayloadPacketSection dataLinkFrameSection mplsLabelStackSection mplsPayloadPacketSection
selectorIdTotalPktsObserved selectorIdTotalPktsSelected absoluteError relativeError
observationTimeSeconds observationTimeMilliseconds observationTimeMicroseconds
observationTimeNanoseconds digestHashValue hashIPPayloadOffset hashIPPayloadSize hashOutputRangeMin
hashOutputRangeMax hashSelectedRangeMin hashSelectedRangeMax hashDigestOutput hashInitialiserValue
selectorName upperCILimit lowerCILimit confidenceLevel informationElementDataType
informationElementDescription informationElementName informationElementRangeBegin
informationElementRangeEnd informationElementSemantics informationElementUnits
privateEnterpriseNumber virtualStationInterfaceId virtualStationInterfaceName virtualStationUUID
virtualStationName layer2SegmentId layer2OctetDeltaCount layer2OctetTotalCount
ingressUnicastPacketTotalCount ingressMulticastPacketTotalCount ingressBroadcastPacketTotalCount
egressUnicastPacketTotalCount egressBroadcastPacketTotalCount monitoringIntervalStartMilliSeconds
monitoringIntervalEndMilliSeconds portRangeStart portRangeEnd portRangeStepSize portRangeNumPorts
staMacAddress staIPv4Address wtpMacAddress ingressInterfaceType egressInterfaceType
rtpSequenceNumber userName applicationCategoryName applicationSubCategoryName applicationGroupName
originalFlowsPresent originalFlowsInitiated originalFlowsCompleted distinctCountOfSourceIPAddress
distinctCountOfDestinationIPAddress distinctCountOfSourceIPv4Address
distinctCountOfDestinationIPv4Address distinctCountOfSourceIPv6Address
distinctCountOfDestinationIPv6Address valueDistributionMethod rfc3550JitterMilliseconds
rfc3550JitterMicroseconds rfc3550JitterNanoseconds dot1qDEI dot1qCustomerDEI flowSelectorAlgorithm
flowSelectedOctetDeltaCount flowSelectedPacketDeltaCount flowSelectedFlowDeltaCount
selectorIDTotalFlowsObserved selectorIDTotalFlowsSelected samplingFlowInterval samplingFlowSpacing
flowSamplingTimeInterval flowSamplingTimeSpacing hashFlowDomain transportOctetDeltaCount
transportPacketDeltaCount originalExporterIPv4Address originalExporterIPv6Address
originalObservationDomainId intermediateProcessId ignoredDataRecordTotalCount dataLinkFrameType
sectionOffset sectionExportedOctets dot1qServiceInstanceTag dot1qServiceInstanceId
dot1qServiceInstancePriority dot1qCustomerSourceMacAddress dot1qCustomerDestinationMacAddress -
postLayer2OctetDeltaCount postMCastLayer2OctetDeltaCount - postLayer2OctetTotalCount
postMCastLayer2OctetTotalCount minimumLayer2TotalLength maximumLayer2TotalLength
droppedLayer2OctetDeltaCount droppedLayer2OctetTotalCount ignoredLayer2OctetTotalCount
notSentLayer2OctetTotalCount layer2OctetDeltaSumOfSquares layer2OctetTotalSumOfSquares
layer2FrameDeltaCount layer2FrameTotalCount pseudoWireDestinationIPv4Address
ignoredLayer2FrameTotalCount mibObjectValueInteger mibObjectValueOctetString mibObjectValueOID
mibObjectValueBits mibObjectValueIPAddress mibObjectValueCounter mibObjectValueGauge
mibObjectValueTimeTicks mibObjectValueUnsigned mibObjectValueTable mibObjectValueRow
mibObjectIdentifier mibSubIdentifier mibIndexIndicator mibCaptureTimeSemantics mibContextEngineID
mibContextName mibObjectName mibObjectDescription mibObjectSyntax mibModuleName mobileIMSI
mobileMSISDN httpStatusCode sourceTransportPortsLimit httpRequestMethod httpRequestHost
httpRequestTarget httpMessageVersion natInstanceID internalAddressRealm externalAddressRealm
natQuotaExceededEvent natThresholdEvent httpUserAgent httpContentType httpReasonPhrase
maxSessionEntries maxBIBEntries maxEntriesPerUser maxSubscribers maxFragmentsPendingReassembly
addressPoolHighThreshold addressPoolLowThreshold addressPortMappingHighThreshold
addressPortMappingLowThreshold addressPortMappingPerUserHighThreshold
globalAddressMappingHighThreshold vpnIdentifier bgpCommunity bgpSourceCommunityList
bgpDestinationCommunityList
"""
_IANA_TYPES = {
    "ip": (
        "8 12 15 18 27 28 43 44 45 47 62 63 130 131 140 169 170 211 212 225 226 281 282 366 403 "
        "404 432 438"
    ),
    "mac": "56 57 80 81 365 367 414 415",
    "float": "311 320 321 336 337 338",
    "string": (
        "70-79 82-84 90 94-96 100 104 147 236 247 262 266 274 275 284 288-290 300 313-317 335 340 "
        "341 347-350 371-374 411 450-456 459-462 464 465 468-470"
    ),
    "octets": "435-437 445 449 482 484 485",
    "skip": "210 291-293 443 444",
}
_NETFLOW9 = """
1 in_bytes in_pkts flows protocol src_tos tcp_flags l4_src_port ipv4_src_addr src_mask input_snmp
l4_dst_port ipv4_dst_addr dst_mask output_snmp ipv4_next_hop src_as dst_as bgp_ipv4_next_hop
mul_dst_pkts mul_dst_bytes last_switched first_switched out_bytes out_pkts min_pkt_length
max_pkt_length ipv6_src_addr ipv6_dst_addr ipv6_src_mask ipv6_dst_mask ipv6_flow_label icmp_type
mul_igmp_type sampling_interval sampling_algorithm flow_active_timeout flow_inactive_timeout
engine_type engine_id total_bytes_exp total_pkts_exp total_flows_exp - ipv4_src_prefix
ipv4_dst_prefix mpls_top_label_type mpls_top_label_ip_addr flow_sampler_id flow_sampler_mode
flow_sampler_random_interval - min_ttl max_ttl ipv4_ident dst_tos in_src_mac out_dst_mac src_vlan
dst_vlan ip_protocol_version direction ipv6_next_hop bgp_ipv6_next_hop ipv6_option_headers
80 in_dst_mac out_src_mac if_name if_desc sampler_name in_permanent_bytes in_permanent_pkts 89
forwarding_status
92 src_traffic_index dst_traffic_index application_description application_id application_name 136
flow_end_reason 148 conn_id
152 flow_start_msec flow_end_msec 176 icmp_type icmp_code icmp_type_ipv6 icmp_code_ipv6 udp_src_port
udp_dst_port tcp_src_port tcp_dst_port 194 ip_tos ip_dscp 201 mpls_label_stack_octets 225
xlate_src_addr_ipv4 xlate_dst_addr_ipv4 xlate_src_port xlate_dst_port 231 fwd_flow_delta_bytes
rev_flow_delta_bytes fw_event 281 xlate_src_addr_ipv6 xlate_dst_addr_ipv6 323 event_time_msec 361
postNATPortBlockStart postNATPortBlockEnd
8192 streamcore_wan_rtt streamcore_net_app_resp_time streamcore_total_app_resp_time
streamcore_tcp_retrans_rate streamcore_call_direction 8256 streamcore_hostname streamcore_url
streamcore_ssl_cn streamcore_ssl_org 8320 streamcore_mos_lq streamcore_net_delay streamcore_net_loss
streamcore_net_jitter streamcore_net_discard streamcore_rtp_clockrate_in
streamcore_rtp_clockrate_out streamcore_codec_in streamcore_codec_out 8384 streamcore_id_rule_1
streamcore_id_rule_2 streamcore_id_rule_3 streamcore_id_rule_4 streamcore_id_rule_5
streamcore_id_rule_6 streamcore_id_rule_7 streamcore_id_rule_8 streamcore_id_rule_9
streamcore_id_rule_10 20000 wlan_id 33000 ingress_acl_id egress_acl_id fw_ext_event 40000 username
xlate_src_addr_ipv4 xlate_dst_addr_ipv4 xlate_src_port xlate_dst_port fw_event 56701 app_id user_id
57590 nprobe_proto nprobe_proto_name
"""
_NETFLOW9_TYPES = {
    "ip": "8 12 15 18 27 28 44 45 62 63 225 226 281 282 40001 40002",
    "mac": "56 57 80 81",
    "string": "82-84 94 96 8256-8259 40000 56701 56702 57591",
    "forwarding": "89",
    "application": "95",
    "acl": "33000 33001",
    "mpls": "201",
    "skip": "43 51 65-69",
}
_VENDORS: dict[int, tuple[str, dict[str, str]]] = {
    9: (  # Cisco
        "8337 ciscoServerBytesNetwork ciscoClientBytesNetwork 9252 ciscoServicesWaasSegment "
        "ciscoServicesWaasPassthroughReason 9357 ciscoAppHTTPUriStatistics 12232 "
        "cisoAppCategoryName 12234 ciscoAppGroupName ciscoAppHTTPHost ciscoClientIPv4Address "
        "ciscoServerIPv4Address 12240 ciscoClientL4Port ciscoServerL4Port ciscoConnectionId 12244 "
        "ciscoAppBusiness",
        {"string": "9357 12232 12234 12235 12244", "ip": "12236 12237"},
    ),
    637: ("91 natInsideSvcid natOutsideSvcid natSubString", {"string": "93"}),  # Nokia
    3054: (  # Ixia
        "110 ixiaL7AppId ixiaL7AppName 120 ixiaSrcCountryCode ixiaSrcCountryName ixiaSrcRegionCode "
        "ixiaSrcRegionName - ixiaSrcCityName ixiaSrcLatitude ixiaSrcLongitude 140 "
        "ixiaDstCountryCode ixiaDstCountryName ixiaDstRegionCode ixiaDstRegionName - "
        "ixiaDstCityName ixiaDstLatitude ixiaDstLongitude 160 ixiaDeviceId ixiaDeviceName "
        "ixiaBrowserId ixiaBrowserName 176 ixiaRevOctetDeltaCount ixiaRevPacketDeltaCount "
        "ixiaEncryptType ixiaEncryptCipher ixiaEncryptKeyLen ixiaIMSI ixiaHttpUserAgent "
        "ixiaHttpHostName ixiaHttpUri ixiaDnsTxt ixiaSrcAsName ixiaDstAsName ixiaLatency "
        "ixiaDnsQuery ixiaDnsAnswer ixiaDnsClasses ixiaThreatType ixiaThreatIPv4 ixiaThreatIPv6 "
        "ixiaHttpSession ixiaRequestTime ixiaDnsRecords ixiaDnsName ixiaDnsIPv4 ixiaDnsIPv6 "
        "ixiaTlsSNI",
        {
            "string": "111 120-125 140-145 161 163 178 179 181-187 189-192 195 197 198 201",
            "float": "126 127 146 147",
            "ip": "193 194 199 200",
        },
    ),
    5951: (  # Citrix NetScaler
        "128 netscalerRoundTripTime netscalerTransactionId netscalerHttpReqUrl "
        "netscalerHttpReqCookie netscalerFlowFlags netscalerConnectionId netscalerSyslogPriority "
        "netscalerSyslogMessage netscalerSyslogTimestamp 140 netscalerHttpReqReferer "
        "netscalerHttpReqMethod netscalerHttpReqHost netscalerHttpReqUserAgent "
        "netscalerHttpRspStatus netscalerHttpRspLen netscalerServerTTFB netscalerServerTTLB 150 "
        "netscalerAppNameIncarnationNumber netscalerAppNameAppId netscalerAppName "
        "netscalerHttpReqRcvFB 156 netscalerHttpReqForwFB netscalerHttpResRcvFB "
        "netscalerHttpResForwFB netscalerHttpReqRcvLB netscalerHttpReqForwLB netscalerMainPageId "
        "netscalerMainPageCoreId netscalerHttpClientInteractionStartTime "
        "netscalerHttpClientRenderEndTime netscalerHttpClientRenderStartTime 167 "
        "netscalerAppTemplateName netscalerHttpClientInteractionEndTime netscalerHttpResRcvLB "
        "netscalerHttpResForwLB netscalerAppUnitNameAppId netscalerDbLoginFlags netscalerDbReqType "
        "netscalerDbProtocolName netscalerDbUserName netscalerDbDatabaseName "
        "netscalerDbCltHostName netscalerDbReqString netscalerDbRespStatusString "
        "netscalerDbRespStatus netscalerDbRespLength netscalerClientRTT netscalerHttpContentType "
        "185 netscalerHttpReqAuthorization netscalerHttpReqVia netscalerHttpResLocation "
        "netscalerHttpResSetCookie netscalerHttpResSetCookie2 netscalerHttpReqXForwardedFor 192 "
        "netscalerConnectionChainID netscalerConnectionChainHopCount 200 netscalerICASessionGuid "
        "netscaleIcaClientVersion netscalerIcaClientType netscalerIcaClientIP "
        "netscalerIcaClientHostName netscalerAaaUsername 207 netscalerIcaDomainName "
        "netscalerIcaClientLauncher netscalerIcaSessionSetupTime netscalerIcaServerName 214 "
        "netscalerIcaSessionReconnects netscalerIcaRTT netscalerIcaClientsideRXBytes "
        "netscalerIcaClientsideTXBytes 219 netscalerIcaClientsidePacketsRetransmit "
        "netscalerIcaServersidePacketsRetransmit netscalerIcaClientsideRTT "
        "netscalerIcaServersideRTT netscalerIcaSessionUpdateBeginSec "
        "netscalerIcaSessionUpdateEndSec netscalerIcaChannelId1 netscalerIcaChannelId1Bytes "
        "netscalerIcaChannelId2 netscalerIcaChannelId2Bytes netscalerIcaChannelId3 "
        "netscalerIcaChannelId3Bytes netscalerIcaChannelId4 netscalerIcaChannelId4Bytes "
        "netscalerIcaChannelId5 netscalerIcaChannelId5Bytes netscalerIcaConnectionPriority "
        "netscalerApplicationStartupDuration netscalerIcaLaunchMechanism "
        "netscalerIcaApplicationName netscalerApplicationStartupTime "
        "netscalerIcaApplicationTerminationType netscalerIcaApplicationTerminationTime "
        "netscalerIcaSessionEndTime netscalerIcaClientsideJitter netscalerIcaServersideJitter "
        "netscalerIcaAppProcessID netscalerIcaAppModulePath netscalerIcaDeviceSerialNo "
        "netscalerMsiClientCookie netscalerIcaFlags netscalerIcaUsername netscalerLicenseType "
        "netscalerMaxLicenseCount netscalerCurrentLicenseConsumed "
        "netscalerIcaNetworkUpdateStartTime netscalerIcaNetworkUpdateEndTime "
        "netscalerIcaClientsideSRTT netscalerIcaServersideSRTT netscalerIcaClientsideDelay "
        "netscalerIcaServersideDelay netscalerIcaHostDelay netscalerIcaClientSideWindowSize "
        "netscalerIcaServerSideWindowSize netscalerIcaClientSideRTOCount "
        "netscalerIcaServerSideRTOCount netscalerIcaL7ClientLatency netscalerIcaL7ServerLatency "
        "netscalerHttpDomainName netscalerCacheRedirClientConnectionCoreID "
        "netscalerCacheRedirClientConnectionTransactionID",
        {
            "string": (
                "130 131 135 140-143 152 163-165 167 168 175-179 183 185-190 201 204 205 207 210 "
                "238 246 250 267"
            ),
            "octets": "192 200 248",
            "ip": "203",
        },
    ),
    6871: (  # CERT's YAF
        "14 initialTCPFlags unionTCPFlags 18 payload 21 reverseFlowDeltaMilliseconds 33 "
        "silkAppLabel 35 payloadEntropy osName osVersion firstPacketBanner secondPacketBanner "
        "flowAttributes 100 expiredFragmentCount assembledFragmentCount meanFlowRate "
        "meanPacketRate flowTableFlushEventCount flowTablePeakCount 107 osFingerPrint 126 "
        "tftpFilename tftpMode 174 dnsQueryResponse dnsQRType dnsAuthoritative dnsNXDomain "
        "dnsRRSection dnsQName dnsCName dnsMXPreference dnsMXExchange dnsNSDName dnsPTRDName "
        "sslCipher sslClientVersion sslServerCipher sslCompressionMethod sslCertVersion "
        "sslCertSignature 199 dnsTTL 208 dnsTXTData dnsSOASerial dnsSOARefresh dnsSOARetry "
        "dnsSOAExpire dnsSOAMinimum dnsSOAMName dnsSOARName dnsSRVPriority dnsSRVWeight dnsSRVPort "
        "dnsSRVTarget 223 tcpUrgTotalCount 226 dnsID 244 sslCertSerialNumber sslObjectType "
        "sslObjectValue sslCertValidityNotBefore sslCertValidityNotAfter sslPublicKeyAlgorithm "
        "sslPublicKeyLength 287 rtpPayloadType reverseRtpPayloadType "
        "mptcpInitialDataSequenceNumber mptcpReceiverToken mptcpMaximumSegmentSize mptcpAddressID "
        "mptcpFlags sslServerName sslCertificateHash 500 smallPacketCount nonEmptyPacketCount "
        "dataByteCount averageInterarrivalTime standardDeviationInterarrivalTime "
        "firstNonEmptyPacketSize maxPacketSize firstEightNonEmptyPacketDirections "
        "standardDeviationPayloadLength 510 largePacketCount 16398 reverseInitialTCPFlags "
        "reverseUnionTCPFlags 16402 reversePayload 16419 reversePayloadEntropy reverseOsName "
        "reverseOsVersion reverseFirstPacketBanner reverseSecondPacketBanner reverseFlowAttributes "
        "16491 reverseOsFingerPrint 16671 reverseRtpPayloadType 16884 reverseSmallPacketCount "
        "reverseNonEmptyPacketCount reverseDataByteCount reverseAverageInterarrivalTime "
        "reverseStandardDeviationInterarrivalTime reverseFirstNonEmptyPacketSize "
        "reverseMaxPacketSize 16892 reverseStandardDeviationPayloadLength 16894 "
        "reverseLargePacketCount",
        {
            "string": (
                "18 36-39 107 126 127 179 180 182-185 190 208 214 215 219 244-250 294 295 16402 "
                "16420-16423 16491"
            ),
        },
    ),
    6876: (  # VMware
        "880 vmwareTenantProtocol vmwareTenantSourceIPv4 vmwareTenantDestIPv4 "
        "vmwareTenantSourceIPv6 vmwareTenantDestIPv6 886 vmwareTenantSourcePort "
        "vmwareTenantDestPort vmwareEgressInterfaceAttr vmwareVxlanExportRole "
        "vmwareIngressInterfaceAttr",
        {"ip": "881-884"},
    ),
    9789: ("1 afcProtocol afcProtocolName 4 flowDirection", {"string": "2"}),
    15397: (  # Procera
        "1 proceraService proceraBaseService proceraIncomingOctets proceraOutgoingOctets "
        "proceraIncomingPackets proceraOutgoingPackets proceraIncomingShapingLatency "
        "proceraOutgoingShapingLatency proceraIncomingShapingDrops proceraOutgoingShapingDrops "
        "proceraInternalRtt proceraExternalRtt 15 proceraFlowBehavior proceraContentCategories "
        "proceraProperty proceraServerHostname proceraHttpRequestMethod proceraHttpUserAgent "
        "proceraHttpContentType proceraHttpUrl proceraHttpReferer proceraHttpResponseStatus "
        "proceraHttpFileLength proceraHttpLocation proceraHttpLanguage proceraSubscriberIdentifier "
        "proceraMsisdn proceraImsi proceraRat proceraDeviceId proceraSgsn proceraRnc proceraApn "
        "proceraUserLocationInformation proceraGgsn proceraQoeIncomingInternal "
        "proceraQoeIncomingExternal proceraQoeOutgoingInternal proceraQoeOutgoingExternal "
        "proceraLocalIPv4Host proceraLocalIPv6Host proceraRemoteIPv4Host proceraRemoteIPv6Host "
        "proceraHttpRequestVersion proceraTemplateName",
        {
            "string": "1 2 15-23 26-28 31 33 35-37 46 47",
            "int": "11 12",
            "float": "38-41",
            "ip": "42-45",
        },
    ),
    21373: ("4 mark 6 conntrack_id", {}),  # netfilter
    41916: ("4321 viptelaVPNId", {}),
}
_BARRACUDA = (
    "1 Timestamp LogOp TrafficType FW_Rule ServiceName Reason ReasonText BindIPv4Address "
    "BindTransportPort ConnIPv4Address ConnTransportPort AuditCounter",
    {"string": "4 5 7", "ip": "8 10"},
)
_VENDORS |= {10704: _BARRACUDA, 12326: _BARRACUDA}


@cache
def netflow9_fields() -> dict[int, Field]:
    """The fields of NetFlow 9 by number: Cisco's names, and the registry's where Cisco has none."""
    return _fields(_IANA, _IANA_TYPES) | _fields(_NETFLOW9, _NETFLOW9_TYPES)


@cache
def ipfix_fields(enterprise: int) -> dict[int, Field]:
    """The fields of IPFIX that an enterprise registered, by number; 0 is IANA."""
    if enterprise == 0:
        return _fields(_IANA, _IANA_TYPES)
    if enterprise == REVERSE:
        return {
            key: (f"reverse{name[0].upper()}{name[1:]}", kind)
            for key, (name, kind) in ipfix_fields(0).items()
        }
    return _fields(*_VENDORS[enterprise]) if enterprise in _VENDORS else {}


def _fields(names: str, types: dict[str, str]) -> dict[int, Field]:
    kinds = {number: kind for kind, numbers in types.items() for number in _numbers(numbers)}
    found: dict[int, Field] = {
        number: ("", kind) for number, kind in kinds.items() if kind == "skip"
    }
    number = 0
    for word in names.split():
        if word.isdigit():
            number = int(word)
            continue
        if word != "-":
            found[number] = (word, kinds.get(number, "uint"))
        number += 1
    return found


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found
