"""The stack outputs of a base layer as the tools read them: their values, and what follows from these."""

from typing import Any

from tak_base.outputs import OutputName, OutputValues


class LayerOutputs(OutputValues):
    """The outputs of a base layer, and what they say of its repositories and its account."""

    def has(self, output: OutputName[Any]) -> bool:
        """Whether the layer has an output, such as `LayerOutputs.endpoint_group_id`."""
        return output.name in self.outputs

    @property
    def repository_name(self) -> str:
        """The name in ECR of the repository that every stack has."""
        return self.repository_url.split("/", 1)[1]

    @property
    def further_repository_names(self) -> dict[str, str]:
        """The names in ECR of the further repositories, by their names in the stack file."""
        urls = LayerOutputs.further_repository_urls.get(self.outputs, {})
        return {name: url.split("/", 1)[1] for name, url in urls.items()}

    @property
    def repository_urls(self) -> list[str]:
        """Those of all repositories, that which every stack has first."""
        return [self.repository_url, *LayerOutputs.further_repository_urls.get(self.outputs, {}).values()]

    @property
    def repository_names(self) -> list[str]:
        """As `repository_urls`."""
        return [url.split("/", 1)[1] for url in self.repository_urls]

    @property
    def repository_arns(self) -> list[str]:
        """As `repository_urls`."""
        return [self.repository_arn, *LayerOutputs.further_repository_arns.get(self.outputs, {}).values()]

    @property
    def account_id(self) -> str:
        return self.key_arn.split(":")[4]

    @property
    def partition(self) -> str:
        return self.key_arn.split(":")[1]
