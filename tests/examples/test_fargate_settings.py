"""Config of the example: what is accepted, and that every mistake is told at once."""

from typing import Any

import pytest

from fargate_service.settings import FARGATE_SIZES, from_engine, parse_settings

CERTIFICATE = "arn:aws:acm:ap-southeast-2:123456789012:certificate/0a1b2c3d-example"
VALUES: dict[str, Any] = {
    "baseLayer": "organization/tak-base/prod",
    "image": "v1",
    "containerPort": 8080,
    "healthCheckPath": "/",
    "cpu": 256,
    "memory": 512,
    "desiredCount": 2,
    "capacityProvider": "FARGATE",
    "egress": "endpoints",
    "internetFacing": False,
    "certificateArn": "",
    "protectData": True,
    "enableExecuteCommand": False,
}


def problems(**changed: Any) -> list[str]:
    with pytest.raises(ValueError, match=r"fargate-service:") as caught:
        parse_settings(VALUES | changed, name="fargate-service-prod")
    return str(caught.value).splitlines()


def test_log_groups_have_names_that_the_base_layer_s_key_may_encrypt() -> None:
    settings = parse_settings(VALUES, name="fargate-service-blue")

    assert settings.log_group_name == "/tak-base-prod/fargate-service-blue"
    assert settings.exec_log_group_name == "/tak-base-prod/ecs-exec"
    assert settings.certificate_arn is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("baseLayer", "prod"),
        ("baseLayer", "organization/tak-base/prod/extra"),
        ("image", ""),
        ("image", "repository:v1"),
        ("image", "sha256:abc"),
        ("containerPort", 0),
        ("containerPort", 65536),
        ("containerPort", True),
        ("healthCheckPath", "healthz"),
        ("cpu", 300),
        ("memory", "512"),
        ("desiredCount", -1),
        ("capacityProvider", "EC2"),
        ("egress", "anywhere"),
        ("internetFacing", "yes"),
        ("certificateArn", "arn:aws:iam::123456789012:server-certificate/example"),
        ("protectData", 1),
        ("enableExecuteCommand", "on"),
    ],
)
def test_a_value_that_would_fail_or_weaken_is_refused(key: str, value: Any) -> None:
    (problem,) = problems(**{key: value})

    assert problem.startswith(f"fargate-service:{key}: found ")
    assert ", expected " in problem


@pytest.mark.parametrize("image", ["v1", "1.2.3-rc.1", "latest", "sha256:" + "0a" * 32])
def test_an_image_is_a_tag_or_a_digest(image: str) -> None:
    assert parse_settings(VALUES | {"image": image}, name="any").image == image


@pytest.mark.parametrize(("cpu", "memory"), [(cpu, max(sizes)) for cpu, sizes in FARGATE_SIZES.items()])
def test_fargate_has_only_some_sizes(cpu: int, memory: int) -> None:
    assert parse_settings(VALUES | {"cpu": cpu, "memory": memory}, name="any").memory == memory

    (problem,) = problems(cpu=cpu, memory=memory - 1)
    assert problem.startswith(f"fargate-service:memory: found {memory - 1}, expected for cpu {cpu} one of ")


def test_the_internet_gets_in_by_https_only() -> None:
    assert parse_settings(VALUES | {"internetFacing": True, "certificateArn": CERTIFICATE}, name="any").internet_facing

    (problem,) = problems(internetFacing=True)
    assert problem.startswith("fargate-service:internetFacing: found true, expected a certificateArn with it")


def test_every_mistake_is_told_at_once_a_line_each() -> None:
    wrong = {key: value for key, value in VALUES.items() if key != "image"} | {"cpu": 1, "desiredCont": 2}

    with pytest.raises(ValueError, match="fargate-service:") as caught:
        parse_settings(wrong, name="any")

    assert str(caught.value).splitlines() == [
        "fargate-service:desiredCont: unknown key, did you mean desiredCount?",
        "fargate-service:image: missing, expected an image tag, or a digest sha256:...",
        "fargate-service:cpu: found 1, expected one of 256, 512, 1024, 2048, 4096, 8192, 16384",
    ]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("512", 512), ("v1", "v1"), ("", ""), ("1.5", "1.5")])
def test_text_of_the_engine_becomes_a_value_only_where_it_is_a_flag_or_an_integer(text: str, value: Any) -> None:
    assert from_engine(text) == value
