"""Makes the queues of the sample, fills one, waits until its jobs are done, shows the other.

queues.py fill|wait|show URL
"""

import json
import sys
import time

import boto3
import botocore.exceptions

command, url = sys.argv[1:]
sqs = boto3.client("sqs", region_name="eu-central-1", endpoint_url=url)


def made(name: str, **attributes: str) -> str:
    """The URL of a queue; the server may just be starting."""
    for _ in range(100):
        try:
            return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
        except botocore.exceptions.EndpointConnectionError:
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer: start the server first")


def left(queue: str) -> int:
    """How many messages are not deleted."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


jobs, slow = made("jobs"), made("slow.fifo", FifoQueue="true")
if command == "fill":
    for line in sys.stdin:
        sqs.send_message(QueueUrl=jobs, MessageBody=line.rstrip("\n"))
elif command == "wait":
    while left(jobs):
        time.sleep(0.1)
else:
    answer = sqs.receive_message(QueueUrl=slow, MaxNumberOfMessages=10, AttributeNames=["All"])
    for message in answer["Messages"]:
        job = json.loads(message["Body"])["job"]["name"]
        print(f"slow: {job}, of the group {message['Attributes']['MessageGroupId']}")
