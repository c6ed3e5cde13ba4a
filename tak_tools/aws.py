"""Read-only calls to AWS, each made once, and errors that say what to do."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from tak_tools.errors import InputError

# With these error codes, AWS answers no call at all.
_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_BAD_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

# These actions are not called as the operations are:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_ACTIONS = {
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
}


def iam_action(service: str, operation: str) -> str:
    """The IAM action that allows an operation, for example `s3` and `GetBucketEncryption`."""
    called = f"{service}:{operation}"
    return _ACTIONS.get(called, called)


def action_of(service: str, operation: str) -> str:
    """The IAM action of a boto3 operation, for example `ec2` and `describe_vpcs`."""
    return iam_action(service, "".join(word.capitalize() for word in operation.split("_")))


def tags_by_key(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags of a resource, which most services list as `{"Key": ..., "Value": ...}`."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def read_policy(sid: str, actions: Iterable[str]) -> dict[str, Any]:
    """The IAM policy that allows `actions`, and nothing more."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": sorted(set(actions)), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


class UnansweredError(Exception):
    """A call has no usable answer; other calls may have one."""

    def __init__(self, action: str, found: str, expected: str) -> None:
        self.action = action
        """The IAM action of the call."""
        self.found = found
        self.expected = expected
        super().__init__(f"{action}: found {found}, expected {expected}")


class Answer(dict[str, Any]):
    """A part of an answer of AWS. To read a key that is not there raises UnansweredError, with the IAM action."""

    action: str

    def __missing__(self, key: str) -> Any:
        raise UnansweredError(self.action, f"an answer without {key}", "an answer with it")


class Aws:
    """Asks AWS through boto3 clients that `client(service)` makes, and remembers the answers."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client
        self._answers: dict[str, dict[str, Any] | UnansweredError] = {}
        self._connected = False

    def ask(self, service: str, operation: str, absent: Collection[str] = (), **parameters: Any) -> dict[str, Any]:
        """The answer to a boto3 operation such as `describe_vpcs`, all of its pages in one.

        Empty where AWS answers with one of the error codes `absent`: there is no such thing. Raises UnansweredError
        where AWS does not answer this question (no permission, a timeout, throttling), and InputError where it
        answers no call at all (no credentials, no network).
        """
        key = json.dumps([service, operation, parameters], sort_keys=True)
        if key not in self._answers:
            try:
                self._answers[key] = self._call(service, operation, absent, parameters)
            except UnansweredError as error:
                # Remembered too: to wait again for a call that has timed out would take minutes.
                self._answers[key] = error
        answer = self._answers[key]
        if isinstance(answer, UnansweredError):
            raise answer
        return answer

    def _call(
        self, service: str, operation: str, absent: Collection[str], parameters: dict[str, Any]
    ) -> dict[str, Any]:
        action = action_of(service, operation)
        try:
            client = self._client(service)
            action = iam_action(service, client.meta.method_to_api_mapping[operation])
            if client.can_paginate(operation):
                answer = client.get_paginator(operation).paginate(**parameters).build_full_result()
            else:
                answer = getattr(client, operation)(**parameters)
        except ClientError as error:
            self._connected = True
            if error.response["Error"]["Code"] in absent:
                return {}
            raise _refusal(action, error) from None
        except BotoCoreError as error:
            # Where AWS has answered another call, only this service cannot be reached.
            if isinstance(error, _NO_CREDENTIALS) or (isinstance(error, ConnectionError) and not self._connected):
                raise InputError([_unreachable(error)]) from None
            raise UnansweredError(action, _one_line(error), "an answer") from None
        self._connected = True
        return _with_action(answer, action)


def _with_action(value: Any, action: str) -> Any:
    """`value` with every dict in it as an Answer to the question of `action`."""
    if isinstance(value, dict):
        answer = Answer({key: _with_action(item, action) for key, item in value.items()})
        answer.action = action
        return answer
    return [_with_action(item, action) for item in value] if isinstance(value, list) else value


def _refusal(action: str, error: ClientError) -> InputError | UnansweredError:
    code, message = error.response["Error"]["Code"], _one_line(error.response["Error"].get("Message", ""))
    if code in _BAD_CREDENTIALS:
        return InputError([f"AWS: refused the credentials: {message} ({code})"])
    if code in _DENIED:
        return UnansweredError(action, code, "credentials with this IAM action (--policy prints all that are needed)")
    return UnansweredError(action, f"{code}: {message}", "an answer")


def client_factory(region: str) -> Callable[[str], Any]:
    """Makes clients with the credentials that boto3 finds. Without a network they give up within seconds."""
    try:
        session: Any = boto3.Session(region_name=region)
    except BotoCoreError as error:
        raise InputError([_unreachable(error)]) from None
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service, config=config)
        return clients[service]

    return client


def _unreachable(error: BotoCoreError) -> str:
    """Why AWS could not be asked at all, in one line."""
    if isinstance(error, _NO_CREDENTIALS):
        return (
            f"AWS: {_one_line(error)}; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
            " or sign in with `aws sso login`"
        )
    if isinstance(error, ConnectionError | HTTPClientError):
        return f"AWS: no connection: {_one_line(error)}"
    return f"AWS: {_one_line(error)}"


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".")
