"""The table of leases: who reads which shard, and how far it was delivered.

Each change of a lease asks, in the same request, that the lease is still as it was known: that is
the fence. A process that was taken for dead cannot renew, and so hears that the lease is another's;
what it has not checkpointed by then it never will. A lease that is renewed counts up, and one that
has not counted up for some time is anybody's: no clock but one's own is looked at.

The layout is that of Amazon's client library, version 1, which Logstash uses; two more attributes
are ours: ``penstockWantedBy``, by which a process asks another for a lease, and ``penstockStart``
(see ``_kinesis_places``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from ..clients.aws import Aws
from ..clients.aws_errors import code_of
from ..contract import Disconnected
from ._kinesis_places import SHARD_END, Place, noted, place_of

_READY = ("ACTIVE", "UPDATING")
_LOOKS, _PAUSE = 100, 0.2
_REFUSED = "ConditionalCheckFailedException"
_OPTION = "application_name"
_KEY, _OWNER, _COUNTER, _CHECKPOINT = "leaseKey", "leaseOwner", "leaseCounter", "checkpoint"
_WITHIN, _PARENTS = "checkpointSubSequenceNumber", "parentShardId"
_SWITCHES = "ownerSwitchesSinceCheckpoint"
_WANTED, _START = "penstockWantedBy", "penstockStart"


class Lease(msgspec.Struct, frozen=True):
    """A lease as it was last seen. ``key``: the shard; ``within`` and ``start``: see ``place_of``;
    ``wanted_by``: who asked for it.
    """

    key: str
    owner: str | None
    counter: int
    checkpoint: str
    within: int = 0
    parents: tuple[str, ...] = ()
    wanted_by: str | None = None
    start: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether all of the shard was delivered."""
        return self.checkpoint == SHARD_END

    @property
    def place(self) -> Place:
        """Where reading begins."""
        return place_of(self.checkpoint, self.within, self.start)


class LeaseTable:
    """The table ``name``, as ``worker`` changes it. ``capacity``: units for reading and writing a
    second, or None to pay for each request. All raise as ``Aws.asked``.
    """

    def __init__(
        self, aws: Aws, client: Any, name: str, worker: str, capacity: tuple[int, int] | None
    ) -> None:
        self._aws, self._client, self.name, self.worker = aws, client, name, worker
        self._capacity = capacity

    def ensure(self, stopping: threading.Event) -> None:
        """Make the table where it is missing, and wait until it is ready. Raises Disconnected
        where that takes long.
        """
        for _ in range(_LOOKS):
            status = self._status() or self._made()
            if status in _READY:
                return
            if stopping.wait(_PAUSE):
                break
        raise Disconnected(f"the table `{self.name}` is {status}")

    def exists(self) -> bool:
        """Whether there is a table that can be read."""
        return self._status() in _READY

    def _status(self) -> str:
        """What the table is; an empty text where it is missing."""
        try:
            found = self._client.describe_table(TableName=self.name)["Table"]
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return ""
            self._aws.raise_as_ours(error, _OPTION)
        except Exception as error:
            self._aws.raise_as_ours(error, _OPTION)
        return str(found["TableStatus"])

    def _made(self) -> str:
        billing: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
        if self._capacity is not None:
            read, write = self._capacity
            units = {"ReadCapacityUnits": read, "WriteCapacityUnits": write}
            billing = {"ProvisionedThroughput": units}
        try:
            made = self._client.create_table(
                TableName=self.name,
                AttributeDefinitions=[{"AttributeName": _KEY, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": _KEY, "KeyType": "HASH"}],
                **billing,
            )
        except ClientError as error:
            if code_of(error) == "ResourceInUseException":  # another process was first
                return "CREATING"
            self._aws.raise_as_ours(error, _OPTION)
        except Exception as error:
            self._aws.raise_as_ours(error, _OPTION)
        return str(made["TableDescription"]["TableStatus"])

    def all(self) -> list[Lease]:
        """All leases."""
        return [_lease(item) for page in self._pages() for item in page["Items"]]

    def _pages(self) -> Iterator[Mapping[str, Any]]:
        behind: dict[str, Any] = {}
        while True:
            scan = self._client.scan
            page = self._aws.asked(
                _OPTION, scan, TableName=self.name, ConsistentRead=True, **behind
            )
            yield page
            if not page.get("LastEvaluatedKey"):
                return
            behind = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def create(self, key: str, checkpoint: str, parents: tuple[str, ...]) -> None:
        """Make a lease, unless there is one."""
        item: dict[str, Any] = {
            _KEY: {"S": key},
            _COUNTER: {"N": "0"},
            _CHECKPOINT: {"S": checkpoint},
            _WITHIN: {"N": "0"},
            _SWITCHES: {"N": "0"},
        }
        if parents:
            item[_PARENTS] = {"SS": sorted(parents)}
        self._if_still(self._client.put_item, f"attribute_not_exists({_KEY})", {}, Item=item)

    def delete(self, lease: Lease) -> None:
        """Remove a lease of a shard that is gone."""
        condition = f"{_CHECKPOINT} = :end"
        values = {":end": {"S": SHARD_END}}
        self._if_still(self._client.delete_item, condition, values, Key={_KEY: {"S": lease.key}})

    def take(self, lease: Lease) -> Lease | None:
        """Become the owner; None where another was quicker."""
        values = {":me": {"S": self.worker}}
        return self._changed(
            lease, f"SET {_OWNER} = :me", f"REMOVE {_WANTED}", values, is_own=False
        )

    def renew(self, lease: Lease) -> Lease | None:
        """Say that it is still read; None where it is another's."""
        return self._changed(lease, "SET ", "", {})

    def checkpoint(self, lease: Lease, sequence: str) -> Lease | None:
        """Note how far it was delivered, which renews it; at the end it is let go."""
        values = {":at": {"S": sequence}, ":zero": {"N": "0"}}
        sets = f"SET {_CHECKPOINT} = :at, {_WITHIN} = :zero, {_SWITCHES} = :zero"
        ended = f", {_OWNER}, {_WANTED}" if sequence == SHARD_END else ""
        return self._changed(lease, sets, f"REMOVE {_START}{ended}", values)

    def note_start(self, lease: Lease, place: Place) -> Lease | None:
        """Note where reading began, which renews it."""
        return self._changed(lease, f"SET {_START} = :at", "", {":at": {"S": noted(place)}})

    def release(self, lease: Lease) -> None:
        """Let it go, to who asked for it, or to anybody."""
        if lease.wanted_by is None:
            self._changed(lease, "SET ", f"REMOVE {_OWNER}, {_WANTED}", {})
        else:
            values = {":other": {"S": lease.wanted_by}}
            self._changed(lease, f"SET {_OWNER} = :other", f"REMOVE {_WANTED}", values)

    def ask_for(self, lease: Lease) -> None:
        """Ask the owner for it, unless another has. That does not change the counter."""
        condition = f"{_OWNER} = :owner AND attribute_not_exists({_WANTED})"
        values = {":owner": {"S": lease.owner}, ":me": {"S": self.worker}}
        update = {"Key": {_KEY: {"S": lease.key}}, "UpdateExpression": f"SET {_WANTED} = :me"}
        self._if_still(self._client.update_item, condition, values, **update)

    def _changed(
        self,
        lease: Lease,
        sets: str,
        removes: str,
        values: dict[str, Any],
        is_own: bool = True,
    ) -> Lease | None:
        """Change a lease that is as it was, and count up; what it is then, or None where it was
        another.
        """
        condition = f"{_COUNTER} = :was"
        values = {
            **values,
            ":was": {"N": str(lease.counter)},
            ":next": {"N": str(lease.counter + 1)},
        }
        if is_own:
            condition += f" AND {_OWNER} = :worker"
            values[":worker"] = {"S": self.worker}
        comma = "" if sets == "SET " else ", "
        answer = self._if_still(
            self._client.update_item,
            condition,
            values,
            Key={_KEY: {"S": lease.key}},
            UpdateExpression=f"{sets}{comma}{_COUNTER} = :next {removes}".strip(),
            ReturnValues="ALL_NEW",
        )
        return None if answer is None else _lease(answer["Attributes"])

    def _if_still(
        self, command: Any, condition: str, values: Mapping[str, Any], **parameters: Any
    ) -> Any:
        """What a command answers whose condition holds, else None."""
        if values:
            parameters["ExpressionAttributeValues"] = values
        try:
            return command(TableName=self.name, ConditionExpression=condition, **parameters)
        except ClientError as error:
            if code_of(error) == _REFUSED:
                return None
            self._aws.raise_as_ours(error, _OPTION)
        except Exception as error:
            self._aws.raise_as_ours(error, _OPTION)


def _lease(item: Mapping[str, Any]) -> Lease:
    """A lease of an item of the table."""
    return Lease(
        key=item[_KEY]["S"],
        owner=item.get(_OWNER, {}).get("S"),
        counter=int(item.get(_COUNTER, {}).get("N", 0)),
        checkpoint=item.get(_CHECKPOINT, {}).get("S", ""),
        within=int(item.get(_WITHIN, {}).get("N", 0)),
        parents=tuple(item.get(_PARENTS, {}).get("SS", ())),
        wanted_by=item.get(_WANTED, {}).get("S"),
        start=item.get(_START, {}).get("S", ""),
    )
