"""What is deployed once for an account, by a person, so that workflows can deploy the base layer afterwards."""
