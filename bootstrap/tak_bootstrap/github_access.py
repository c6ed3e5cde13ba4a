"""GitHubAccess: the roles that workflow runs assume with GitHub's tokens, without any stored credential."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from tak_bootstrap import policies
from tak_bootstrap.policies import AUDIENCE, GITHUB_ISSUER, IAM_PATH, Document, Layer, State

# The time limit of the job that updates a stack, which requests a session of that length
# (.github/workflows/deploy-stack.yml).
DEPLOY_SESSION_SECONDS = 90 * 60
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, of a managed policy without white space
MAX_POLICY_LENGTH = 6144


@dataclass(frozen=True)
class GitHubAccessArgs:
    layer: Layer
    repository: str
    """OWNER/NAME"""
    owner_id: str | None
    """GitHub's ID of the owner. None, as the other ID: the subjects of the repository's tokens have names only."""
    repository_id: str | None
    environments: tuple[str, ...]
    """GitHub environments, which have the names of the stacks."""
    main_branch: str
    create_oidc_provider: bool
    """False: the account already has GitHub's OIDC provider."""
    state_bucket_arn: Input[str]
    state_bucket_key_arn: Input[str]
    secrets_key_arn: Input[str]

    @property
    def subject(self) -> str:
        """How the subject of a token names the repository.

        https://docs.github.com/en/actions/reference/security/oidc, "Immutable subject claims"
        """
        if self.owner_id is None:
            return f"repo:{self.repository}"
        owner, name = self.repository.split("/")
        return f"repo:{owner}@{self.owner_id}/{name}@{self.repository_id}"


class GitHubAccess(pulumi.ComponentResource):
    """A role that previews for pull requests and the main branch, and one for each environment that deploys to it."""

    oidc_provider_arn: Output[str]
    preview_role_arn: Output[str]
    deploy_role_arns: dict[str, Output[str]]

    def __init__(self, name: str, args: GitHubAccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-bootstrap:index:GitHubAccess", name, None, opts)
        self._name = name
        self._args = args
        layer, environments = args.layer, args.environments

        provider = self._create_oidc_provider() if args.create_oidc_provider else []
        self._create_policy("role-boundary", lambda state: policies.role_boundary(layer, environments))
        deploy_boundary = self._create_policy("deploy-boundary", lambda state: policies.deploy_boundary(layer, state))
        preview = self._create_role(
            "preview",
            policies.trust(
                layer,
                [f"{args.subject}:ref:refs/heads/{args.main_branch}"],
                pull_requests=f"{args.subject}:pull_request",
            ),
            {
                "read-region": lambda state: policies.read_region(layer),
                "read": lambda state: policies.read_stacks(layer, environments),
                "state": lambda state: policies.read_state(layer, state, environments),
            },
            depends_on=provider,
        )
        deploy = {
            environment: self._create_role(
                f"deploy-{environment}",
                policies.trust(layer, [f"{args.subject}:environment:{environment}"]),
                _deploy_policies(layer, environment),
                boundary=deploy_boundary,
                session_seconds=DEPLOY_SESSION_SECONDS,
                depends_on=provider,
            )
            for environment in environments
        }

        self.oidc_provider_arn = Output.from_input(layer.oidc_provider_arn)
        self.preview_role_arn = preview.arn
        self.deploy_role_arns = {environment: role.arn for environment, role in deploy.items()}
        self.register_outputs({"previewRoleArn": self.preview_role_arn, "deployRoleArns": self.deploy_role_arns})

    def _create_oidc_provider(self) -> list[pulumi.Resource]:
        return [
            aws.iam.OpenIdConnectProvider(
                f"{self._name}-oidc-provider",
                url=f"https://{GITHUB_ISSUER}",
                client_id_lists=[AUDIENCE],
                opts=ResourceOptions(parent=self),
            )
        ]

    def _create_role(
        self,
        role: str,
        trust: Document,
        documents: Mapping[str, Callable[[State], Document]],
        depends_on: Sequence[pulumi.Resource],
        boundary: aws.iam.Policy | None = None,
        session_seconds: int = 3600,
    ) -> aws.iam.Role:
        """A role that the workflow runs of a trust policy may assume, with a policy for each document."""
        made = aws.iam.Role(
            f"{self._name}-{role}",
            name=f"{self._args.layer.project}-{role}",
            path=IAM_PATH,
            description=f"GitHub Actions of {self._args.repository}: {role}",
            assume_role_policy=json.dumps(trust),
            max_session_duration=session_seconds,
            permissions_boundary=boundary.arn if boundary else None,
            opts=ResourceOptions(parent=self, depends_on=depends_on),
        )
        for part, make_document in documents.items():
            aws.iam.RolePolicyAttachment(
                f"{self._name}-{role}-{part}-attachment",
                role=made.name,
                policy_arn=self._create_policy(f"{role}-{part}", make_document).arn,
                opts=ResourceOptions(parent=self),
            )
        return made

    def _create_policy(self, role: str, make_document: Callable[[State], Document]) -> aws.iam.Policy:
        args = self._args
        state = Output.all(args.state_bucket_arn, args.state_bucket_key_arn, args.secrets_key_arn)
        name = f"{args.layer.project}-{role}"

        def make_text(arns: Sequence[str]) -> str:
            text = json.dumps(make_document(State(*arns)), separators=(",", ":"))
            if len(text) > MAX_POLICY_LENGTH:
                raise pulumi.RunError(
                    f"tak-bootstrap:environments: found {', '.join(args.environments)}, expected fewer or shorter"
                    f" names: the policy {name} has {len(text)} characters, and AWS takes {MAX_POLICY_LENGTH}"
                )
            return text

        return aws.iam.Policy(
            f"{self._name}-{role}",
            name=name,
            path=IAM_PATH,
            policy=state.apply(make_text),
            opts=ResourceOptions(parent=self),
        )


def _deploy_policies(layer: Layer, environment: str) -> dict[str, Callable[[State], Document]]:
    # Several policies: AWS allows 6,144 characters for a managed policy.
    return {
        "read-region": lambda state: policies.read_region(layer),
        "read": lambda state: policies.read_stacks(layer, [environment]),
        "network": lambda state: policies.write_network(layer, environment),
        "services": lambda state: policies.write_services(layer, environment),
        "keys": lambda state: policies.write_keys(layer, environment),
        "dns": lambda state: policies.write_dns(layer, environment),
        "state": lambda state: policies.write_state(layer, state, environment),
    }
