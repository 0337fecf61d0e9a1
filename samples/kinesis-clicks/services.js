// Kinesis and DynamoDB on this machine, and a stream of two shards: kinesalite and dynalite.
const [kinesis, dynamo] = process.argv.slice(2)
const headers = {
  'Content-Type': 'application/x-amz-json-1.1',
  'X-Amz-Target': 'Kinesis_20131202.CreateStream',
  'X-Amz-Date': '20250910T090000Z',
  Authorization: 'AWS4-HMAC-SHA256 Credential=a/20250910/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=b',
}
require('dynalite')({createTableMs: 50}).listen(dynamo, '127.0.0.1')
require('kinesalite')({createStreamMs: 50}).listen(kinesis, '127.0.0.1', async () => {
  const body = JSON.stringify({StreamName: 'clicks', ShardCount: 2})
  const answer = await fetch(`http://127.0.0.1:${kinesis}/`, {method: 'POST', headers, body})
  if (!answer.ok) throw new Error(await answer.text())
  console.log('ready')
})
