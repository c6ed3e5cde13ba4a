"""The resources that a person deploys once for an account, before workflows can deploy the base layer."""
