"""A client of novaflow that has none of its code: Temporal's SDK, plain dicts, and the JSON Schemas of docs/contract.

As a user of a project it builds an instance, reads its record, deletes it, and has a bad request refused and one that is
an administrator's; everything that is sent or answered is
checked against its schema. Prints one JSON object and exits with 0 when all was as the contract says.

TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the rest of Temporal's own settings say where the server is.
"""

import argparse
import asyncio
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowFailureError
from temporalio.converter import PayloadConverter
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError

CONTRACT = Path(__file__).parents[2] / "docs" / "contract"
TASK_QUEUE = "novaflow"


def schema(name: str) -> Draft202012Validator:
    """What docs/contract/`name`.schema.json says; its `validate` raises on a value that is otherwise."""
    text = (CONTRACT / f"{name}.schema.json").read_text()
    return Draft202012Validator(json.loads(text), format_checker=Draft202012Validator.FORMAT_CHECKER)


class AskedBy(Interceptor):
    """Lets every run that a client starts carry who asks for it, in its header."""

    def __init__(self, context: dict[str, Any]) -> None:
        schema("context").validate(context)
        [self.payload] = PayloadConverter.default.to_payloads([context])

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        payload = self.payload

        class Outbound(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> Any:
                input.headers = {**input.headers, "novaflow-context": payload}
                return await super().start_workflow(input)

        return Outbound(next)


async def run(client: Client, operation: str, request: dict[str, Any]) -> Any:
    """Starts an operation and waits for what it returns; the id of its workflow is the client's own choice."""
    return await client.execute_workflow(
        operation, request, id=f"python/{uuid.uuid4()}", task_queue=TASK_QUEUE
    )


async def record(client: Client, workflow_id: str) -> Any:
    return await client.get_workflow_handle(workflow_id).query("record")


async def build_and_delete(client: Client, context: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    request = {
        "name": options.name,
        "flavor": options.flavor,
        "image": options.image,
        "networks": [{"network": options.network}],
        "metadata": {"made-by": "python"},
    }
    schema("buildInstance.request").validate(request)

    built = await run(client, "buildInstance", request)
    schema("instance").validate(built)
    assert built["vmState"] == "active", built
    assert built["name"] == options.name, built
    assert (built["userId"], built["projectId"]) == (context["userId"], context["projectId"]), built
    assert built["recent"][-1]["requestId"] == context["requestId"], built

    seen = await record(client, f"instance/{built['id']}")
    schema("instance").validate(seen)
    for field in ("id", "host", "vmState", "ports", "disks", "generation"):
        assert seen[field] == built[field], (field, seen, built)

    deleted = await run(client, "deleteInstance", {"instanceId": built["id"]})
    schema("instance").validate(deleted)
    assert deleted["vmState"] == "deleted", deleted
    return {"instanceId": built["id"], "host": built["host"], "vmState": deleted["vmState"]}


async def be_refused(client: Client) -> dict[str, Any]:
    """Sends a request that no schema allows and returns the failure, which has one."""
    bad = {"name": "bad", "flavor": {"name": "own", "vcpus": 0}, "image": None}
    assert not schema("buildInstance.request").is_valid(bad)
    try:
        await run(client, "buildInstance", bad)
    except WorkflowFailureError as error:
        cause = error.cause
        assert isinstance(cause, ApplicationError), cause
        assert cause.non_retryable and len(cause.details) == 1, cause
        failure = {"type": cause.type, "message": cause.message, "details": cause.details[0]}
        schema("failures").validate(failure)
        assert {"flavor.vcpus", "image"} <= {field["field"] for field in failure["details"]["fields"]}, failure
        return failure
    raise AssertionError("a bad request was accepted")


async def be_forbidden(client: Client) -> dict[str, Any]:
    """Asks for what is an administrator's and returns the failure."""
    try:
        await run(client, "disableHost", {"host": "cn1", "reason": "mine"})
    except WorkflowFailureError as error:
        cause = error.cause
        assert isinstance(cause, ApplicationError), cause
        failure = {"type": cause.type, "message": cause.message, "details": cause.details[0]}
        schema("failures").validate(failure)
        assert failure["type"] == "Forbidden", failure
        return failure
    raise AssertionError("a tenant disabled a host")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="from-python")
    parser.add_argument("--flavor", default="lab.tiny")
    parser.add_argument("--image", default="tiny", help="id or name of an active image")
    parser.add_argument("--network", default="default")
    parser.add_argument("--user", default="ada")
    parser.add_argument("--project", default="engine")
    options = parser.parse_args()

    context = {
        "userId": options.user,
        "projectId": options.project,
        "roles": ["member"],
        "requestId": f"python-{uuid.uuid4()}",
        "isAdmin": False,
    }
    config = ClientConfig.load_client_connect_config()
    client = await Client.connect(**config, interceptors=[AskedBy(context)])
    refused = await be_refused(client)
    forbidden = await be_forbidden(client)
    instance = await build_and_delete(client, context, options)
    print(json.dumps({"instance": instance, "refused": refused, "forbidden": forbidden}))


asyncio.run(main())
# Not by the interpreter's own end: a thread of the SDK that is late for it has the process die by SIGABRT (temporalio/sdk-python#300).
sys.stdout.flush()
os._exit(0)
