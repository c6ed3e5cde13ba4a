"""AWS as verify sees it: questions only, each asked once, and errors that say what to do."""

import json
from collections.abc import Callable, Collection
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from tak_tools.errors import InputError

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

# S3's actions are not called as its operations are:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_ACTIONS = {
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}


def iam_action(service: str, operation: str) -> str:
    """The IAM action that allows an operation, for example `s3` and `GetBucketEncryption`."""
    called = f"{service}:{operation}"
    return _ACTIONS.get(called, called)


class Aws:
    """Asks AWS through boto3 clients that `client(service)` makes, and remembers the answers."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client
        self._answers: dict[str, dict[str, Any]] = {}

    def ask(self, service: str, operation: str, absent: Collection[str] = (), **parameters: Any) -> dict[str, Any]:
        """The answer to a boto3 operation such as `describe_vpcs`, all of its pages in one.

        Empty where AWS answers with one of the error codes `absent`: there is no such thing. Raises InputError
        where AWS cannot be asked (no permission, no credentials, no network).
        """
        key = json.dumps([service, operation, parameters], sort_keys=True)
        if key not in self._answers:
            self._answers[key] = self._call(service, operation, absent, parameters)
        return self._answers[key]

    def _call(
        self, service: str, operation: str, absent: Collection[str], parameters: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            client = self._client(service)
            if client.can_paginate(operation):
                return client.get_paginator(operation).paginate(**parameters).build_full_result()
            return getattr(client, operation)(**parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] in absent:
                return {}
            raise InputError([_refusal(service, error)]) from None
        except BotoCoreError as error:
            raise InputError([unreachable(error)]) from None


def _refusal(service: str, error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    action = iam_action(service, error.operation_name)
    if code in _DENIED:
        return f"AWS: the credentials lack the IAM action {action} (--policy prints all that verify needs)"
    if code in _BAD_CREDENTIALS:
        return f"AWS: refused the credentials: {_one_line(message)} ({code})"
    return f"AWS: {action}: {_one_line(message)} ({code})"


def unreachable(error: BotoCoreError) -> str:
    """Why AWS could not be asked at all, in one line."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return (
            f"AWS: {_one_line(error)}; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
            " or sign in with `aws sso login`"
        )
    if isinstance(error, ConnectionError | HTTPClientError):
        return f"AWS: no connection: {_one_line(error)}"
    return f"AWS: {_one_line(error)}"


def _one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".")
