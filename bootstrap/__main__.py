"""What an account needs before GitHub Actions can deploy the base layer: settings -> components -> outputs."""

import pulumi

from tak_base.deployment_target import look_up_target
from tak_base.published_outputs import publish_outputs
from tak_bootstrap.github_access import GitHubAccess, GitHubAccessArgs
from tak_bootstrap.policies import IAM_PATH, Layer
from tak_bootstrap.settings import load_settings
from tak_bootstrap.state_backend import StateBackend, StateBackendArgs

# The start of every logical name. Changing it would replace the state bucket.
NAME = "tak"

settings = load_settings()
target = look_up_target()

state = StateBackend(
    NAME,
    StateBackendArgs(
        name_prefix=f"{settings.project_name}-pulumi", bucket_name=settings.state_bucket_name, target=target
    ),
)

access = GitHubAccess(
    NAME,
    GitHubAccessArgs(
        layer=Layer(target, settings.project_name),
        repository=settings.repository,
        owner_id=settings.owner_id,
        repository_id=settings.repository_id,
        environments=settings.environments,
        main_branch=settings.main_branch,
        create_oidc_provider=settings.create_oidc_provider,
        state_bucket_arn=state.bucket_arn,
        state_bucket_key_arn=state.bucket_key_arn,
        secrets_key_arn=state.secrets_key_arn,
    ),
)

outputs = {
    "backendUrl": state.backend_url,
    "secretsProvider": state.secrets_provider,
    "oidcProviderArn": access.oidc_provider_arn,
    "previewRoleArn": access.preview_role_arn,
    "deployRoleArns": access.deploy_role_arns,
    # For `permissionsBoundary` in the stack files of the base layer: deploy roles make no role without it.
    "permissionsBoundary": f"{IAM_PATH.removeprefix('/')}{settings.project_name}-role-boundary",
}
publish_outputs(
    NAME,
    f"/{pulumi.get_project()}/{pulumi.get_stack()}/outputs",
    outputs,
    protect=True,
    depends_on=[state, access],
)
for output, value in outputs.items():
    pulumi.export(output, value)
