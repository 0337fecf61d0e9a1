"""What an error of AWS means: an option is wrong, the service is away, or is not to be asked so
often.

The codes are those of all services together: each has names of its own for the same thing. A code
that is not known here is left as it is: for an output that is a fault, which is tried a few times
and then dead-lettered.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from typing import Any

import botocore.session
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from ..contract import ConnectorError, Disconnected, Misconfigured, Retry
from .http_failures import failure_of
from .tls_failures import ENDED, NO_TLS, distrusted, has_ended
from .tls_failures import said as tls_said

_KEYS_HELP = "give the access key of a user that exists, and the secret that belongs to it"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


THROTTLED = _names(
    """BandwidthLimitExceeded EC2ThrottledException KMS.ThrottlingException KMSThrottling
    KMSThrottlingException KmsThrottled LimitExceededException OverLimit PriorRequestNotComplete
    ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled
    RequestThrottledException SlowDown Throttled ThrottledException Throttling ThrottlingException
    TooManyRequests TooManyRequestsException TransactionInProgressException"""
)
_KEYS = _names(
    """AuthFailure InvalidAccessKeyId InvalidClientTokenId MissingAuthenticationToken
    MissingAuthenticationTokenException UnrecognizedClientException NotSignedUp OptInRequired
    InvalidAccessKeyIdException"""
)
_SECRETS = _names(
    "SignatureDoesNotMatch InvalidSignatureException InvalidSignature IncompleteSignature"
)
_EXPIRED = _names(
    "ExpiredToken ExpiredTokenException InvalidToken TokenRefreshRequired RequestExpired"
)
_DENIED = _names(
    """AccessDenied AccessDeniedException AuthorizationError AllAccessDisabled Forbidden 403
    AccountProblem UnauthorizedOperation"""
)
_ABSENT = _names(
    """AWS.SimpleQueueService.NonExistentQueue QueueDoesNotExist NonExistentQueue NoSuchBucket
    InvalidBucketName NotFound NotFoundException ResourceNotFoundException 404 InvalidAddress
    AWS.SimpleQueueService.QueueDeletedRecently"""
)
_KEYS_OF_KMS = _names("AccessDenied Disabled InvalidKeyUsage InvalidState NotFound OptInRequired")
"""What is wrong with the key of a queue, a topic or a stream. Each service has its own spelling:
`KMS.DisabledException`, `KMSDisabledException`, `KMSDisabled`, `KmsDisabled`.
"""

_ELSEWHERE = _names(
    """PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException 301
    TemporaryRedirect 307"""
)
_CLOCK = _names("RequestTimeTooSkewed RequestInTheFuture")
_AWAY = _names(
    """InternalError InternalFailure InternalServerError InternalServiceError
    InternalServerException RequestTimeout RequestTimeoutException ServiceUnavailable
    ServiceUnavailableException 500 502 503 504"""
)
_PAUSE = 1.0
"""Seconds for which a service that throttles is left alone, where it does not say how long."""

_NOT_ASKED = (
    boto.CredentialRetrievalError,
    boto.LoginError,
    boto.NoAuthTokenError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.SSOError,
    boto.TokenRetrievalError,
    boto.UnknownCredentialError,
)
RAISED = (BotoCoreError, ClientError, ResponseParserError, OSError)
"""What the client library raises. An answer that cannot be parsed is a page of whatever stands in
between.
"""

_OUTAGES = (
    boto.ConnectionError,
    boto.HTTPClientError,
    boto.IncompleteReadError,
    boto.ChecksumError,
    boto.FlexibleChecksumError,
    boto.MetadataRetrievalError,
)
_REGIONS = (
    boto.InvalidRegionError,
    boto.NoRegionError,
    boto.UnknownRegionError,
    boto.ServiceNotInRegionError,
    boto.EndpointVariantError,
)


def code_of(error: Exception) -> str:
    """The code that a service gave; an empty text where the error is another."""
    response = getattr(error, "response", None)
    found = response.get("Error", {}).get("Code", "") if isinstance(response, Mapping) else ""
    return str(found)


def is_temporary(code: str) -> bool:
    """Whether an entry of a batch that failed with this code may be taken later."""
    if code in THROTTLED or code in _AWAY or _is_of_kms(code):
        return True
    return code.endswith((".ThrottlingException", "Timeout"))


def meaning(
    error: Exception, given: Collection[str], region: str, resource: str
) -> Exception | ConnectorError:
    """What an error means, as one of ours, or the error itself. ``given``: the options that were
    given; ``resource``: the option that names what was asked for.
    """
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, ClientError):
        return _of_service(error, given, region, resource)
    if isinstance(error, BotoCoreError):
        return _of_library(error, given, region)
    if isinstance(error, ResponseParserError):
        return Disconnected("the answer is not one of AWS: " + str(error).partition("\n")[0])
    if isinstance(error, ValueError):  # the endpoint, or the region in it, cannot be used
        return Misconfigured("endpoint" if "endpoint" in given else "region", str(error))
    if isinstance(error, OSError):
        return Disconnected(str(error) or type(error).__name__)
    return error


def _of_service(
    error: ClientError, given: Collection[str], region: str, resource: str
) -> Exception:
    code, said, status = code_of(error), _said(error), _status(error)
    if code in THROTTLED or status == 429:
        return Retry(said, after=_retry_after(error))
    if code in _EXPIRED:
        which = _credentials(given, "session_token")
        return Misconfigured(which, said, "renew the credentials")
    if code in _KEYS:
        return Misconfigured(_credentials(given, "access_key_id"), said, _KEYS_HELP)
    if code in _SECRETS:
        return Misconfigured(_credentials(given, "secret_access_key"), said, _KEYS_HELP)
    if code in _ELSEWHERE:
        help = "name the region where it is"
        return Misconfigured("region", f"`{region}` is not its region: {said}", help)
    if code in _ABSENT:
        return Misconfigured(resource, said, "name one that exists in this region and account")
    if _is_of_kms(code):
        help = "see to the KMS key that encrypts it, and to its policy"
        return Misconfigured(resource, said, help)
    if code in _CLOCK:
        return Disconnected(f"{said}; set the clock of this machine")
    if code in _AWAY or status >= 500:
        return Retry(said)
    if code in _DENIED or status == 403:
        if error.operation_name.startswith("AssumeRole"):
            resource = _credentials(given, "role_arn")
        help = f"give these credentials the right to {error.operation_name}"
        return Misconfigured(resource, f"access denied: {said}", help)
    return _same(error)


def _is_of_kms(code: str) -> bool:
    service, name = code[:3].upper(), code[3:].removeprefix(".").removesuffix("Exception")
    return service == "KMS" and name in _KEYS_OF_KMS


def _same(error: Exception) -> Exception:
    """It says nothing of these."""
    return error


def _credentials(given: Collection[str], first: str) -> str:
    """The option that credentials came from."""
    for name in (first, "aws_credentials_file", "access_key_id", "role_arn"):
        if name in given:
            return name
    return first


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _said(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = code_of(error), " ".join(str(details.get("Message") or "").split())
    named = f"{code} ({message})" if message and message != code else code
    return f"{error.operation_name}: {named}"


def _retry_after(error: ClientError) -> float:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return max(0.0, float(headers.get("retry-after", _PAUSE)))
    except ValueError:
        return _PAUSE


def _of_library(error: BotoCoreError, given: Collection[str], region: str) -> Exception:
    said = str(error)
    if isinstance(error, _NOT_ASKED):
        help = "give access_key_id and secret_access_key, or set AWS_ACCESS_KEY_ID and so on"
        return Misconfigured(_credentials(given, "access_key_id"), said, help)
    if isinstance(error, _REGIONS):
        return Misconfigured("region", said)
    if isinstance(error, boto.SSLError):
        return _of_tls(error, given)
    if isinstance(error, boto.ProfileNotFound):
        return Misconfigured("profile", said, "name one that `aws configure list-profiles` shows")
    if isinstance(error, boto.InvalidProxiesConfigError):
        return Misconfigured("proxy_uri", said)
    if isinstance(error, boto.EndpointConnectionError) and "endpoint" not in given:
        if not _is_known(region):
            return Misconfigured("region", f"`{region}` is not a known region: {said}")
        return Disconnected(_outage(error))
    if isinstance(error, _OUTAGES):
        return Disconnected(_outage(error))
    return _same(error)


def _outage(error: BotoCoreError) -> str:
    """Why there is no connection, or no answer: the library names the address alone."""
    cause = error.kwargs.get("error")
    return str(failure_of(cause)) if isinstance(cause, HTTPError) else str(error)


def _of_tls(error: BotoCoreError, given: Collection[str]) -> Exception:
    cause: Any = error.kwargs.get("error")
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
        cause = cause if isinstance(cause, BaseException) else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        known = [name for name in ("additional_settings", "endpoint") if name in given]
        named = known[0] if known else "use_aws_bundled_ca"
        bundle = "additional_settings => { ssl_ca_bundle => … }"
        return Misconfigured(named, *distrusted(cause, bundle))
    reason = getattr(cause, "reason", None) or str(error)
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE") and "endpoint" in given:
        return Misconfigured("endpoint", NO_TLS, "write http://, or name the port for TLS")
    if isinstance(cause, ssl.SSLError):
        return Disconnected(ENDED if has_ended(cause) else f"TLS failed: {tls_said(cause)}")
    return Disconnected(f"TLS failed: {reason}")


def _is_known(region: str) -> bool:
    session = botocore.session.Session()
    partitions = session.get_available_partitions()
    return any(region in session.get_available_regions("s3", each) for each in partitions)
