"""Templates of layers above, as CDK makes those of TAK's own layers, and every way in which the tests break them."""

import copy
from collections.abc import Callable
from typing import Any

Template = dict[str, Any]


def imported(key: str) -> dict[str, str]:
    return {"Fn::ImportValue": f"TAK-Prod-BaseInfra-{key}"}


def join(*parts: Any) -> dict[str, Any]:
    return {"Fn::Join": ["", list(parts)]}


def get_att(name: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def nth(index: int, separator: str, value: Any) -> dict[str, Any]:
    return {"Fn::Select": [index, {"Fn::Split": [separator, value]}]}


PRIVATE = [imported("SubnetPrivateA"), imported("SubnetPrivateB")]
PUBLIC = [imported("SubnetPublicA"), imported("SubnetPublicB")]
LOG_BUCKET = nth(0, "/", nth(5, ":", imported("S3ElbLogsArn")))
REPOSITORY = nth(1, "/", imported("EcrArtifactsRepoArn"))
ZONE = imported("HostedZoneName")
ASSUMED_BY_TASKS = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}


def image(tag: str) -> dict[str, Any]:
    return join("123456789012.dkr.ecr.", ref("AWS::Region"), ".amazonaws.com/", REPOSITORY, f":{tag}")


def allow(*actions: str, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


AUTH: Template = {
    "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/v"}},
    "Conditions": {
        "InRegion": {"Fn::Equals": [{"Ref": "AWS::Region"}, "ap-southeast-2"]},
        "Elsewhere": {"Fn::Not": [{"Condition": "InRegion"}]},
    },
    "Resources": {
        "NotHere": {
            "Type": "AWS::EC2::SecurityGroup",
            "Condition": "Elsewhere",
            "Properties": {"VpcId": imported("NoSuchExport")},
        },
        "Balancer": {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Properties": {
                "Name": "tak-prod-auth",
                "Type": "application",
                "Subnets": PUBLIC,
                "LoadBalancerAttributes": [
                    {"Key": "access_logs.s3.enabled", "Value": "true"},
                    {"Key": "access_logs.s3.bucket", "Value": LOG_BUCKET},
                    {"Key": "access_logs.s3.prefix", "Value": "TAK-Prod-AuthInfra"},
                ],
            },
        },
        "Listener": {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": ref("Balancer"),
                "Certificates": [{"CertificateArn": imported("CertificateArn")}],
            },
        },
        "Rule": {
            "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
            "Properties": {
                "ListenerArn": ref("Listener"),
                "Conditions": [{"HostHeaderConfig": {"Values": [join("account.", ZONE)]}}],
            },
        },
        "Targets": {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {"Name": "tak-prod-authentik", "VpcId": imported("VpcId")},
        },
        "Record": {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {
                "Name": join("account.", ZONE, "."),
                "Type": "A",
                "HostedZoneId": imported("HostedZoneId"),
                "AliasTarget": {"DNSName": join("dualstack.", get_att("Balancer", "DNSName"))},
            },
        },
        "Group": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "VpcId": imported("VpcId"),
                "SecurityGroupEgress": [
                    {"CidrIp": imported("VpcCidrIpv4")},
                    {"CidrIpv6": imported("VpcCidrIpv6")},
                ],
            },
        },
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": "TAK-Prod-AuthInfra/Token", "KmsKeyId": imported("KmsKeyArn")},
        },
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "AuthentikServer-server"}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": ASSUMED_BY_TASKS, "RoleName": "TAK-Prod-AuthInfra-task"},
        },
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [ref("Role")],
                "PolicyDocument": {
                    "Statement": [
                        allow("kms:Decrypt", resource=imported("KmsKeyArn")),
                        allow("s3:GetObject", resource=join(imported("S3EnvConfigArn"), "/*")),
                        allow("ssmmessages:OpenDataChannel", "logs:PutLogEvents"),
                    ]
                },
            },
        },
        "Definition": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "TaskRoleArn": get_att("Role", "Arn"),
                "ContainerDefinitions": [
                    {
                        "Image": image("authentik-2026.5.6-tak-nz-r1"),
                        "LogConfiguration": {"Options": {"awslogs-group": ref("Logs")}},
                    }
                ],
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "Cluster": nth(1, "/", imported("EcsClusterArn")),
                "DesiredCount": 2,
                "DeploymentConfiguration": {"MaximumPercent": 200},
                "EnableExecuteCommand": True,
                "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": PRIVATE}},
                "TaskDefinition": ref("Definition"),
            },
        },
        "Scaling": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "MinCapacity": 2,
                "MaxCapacity": 10,
                "ResourceId": join("service/TAK-Prod-BaseInfra/", get_att("Service", "Name")),
            },
        },
        "Subnets": {"Type": "AWS::RDS::DBSubnetGroup", "Properties": {"SubnetIds": PRIVATE}},
        "Cluster": {
            "Type": "AWS::RDS::DBCluster",
            "Properties": {"DBSubnetGroupName": ref("Subnets"), "KmsKeyId": imported("KmsKeyArn")},
        },
        "Writer": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBClusterIdentifier": ref("Cluster")}},
        "Reader": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBClusterIdentifier": ref("Cluster")}},
    },
    "Outputs": {
        "Url": {
            "Value": join("https://account.", ZONE),
            "Export": {"Name": join(ref("AWS::StackName"), "-AuthentikUrl")},
        }
    },
}

MAP: Template = {
    "Resources": {
        "Domain": {
            "Type": "AWS::ApiGatewayV2::DomainName",
            "Properties": {
                "DomainName": join("tiles.map.", ZONE),
                "DomainNameConfigurations": [{"CertificateArn": imported("CertificateArn")}],
            },
        },
        "Tiles": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": image("pmtiles-0123abcd")}}},
        "Definition": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "ContainerDefinitions": [
                    {
                        "Image": image("cloudtak-0123abcd"),
                        "Environment": [{"Value": {"Fn::ImportValue": "TAK-Prod-AuthInfra-AuthentikUrl"}}],
                    }
                ]
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "Cluster": "TAK-Prod-BaseInfra",
                "TaskDefinition": ref("Definition"),
                "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": PUBLIC}},
            },
        },
        "Retention": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Targets": [
                    {
                        "Arn": join("arn:aws:ecs:ap-southeast-2:123456789012:cluster/", "TAK-Prod-BaseInfra"),
                        "EcsParameters": {
                            "TaskCount": 1,
                            "NetworkConfiguration": {"AwsVpcConfiguration": {"Subnets": PUBLIC}},
                        },
                    }
                ]
            },
        },
        "Assets": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketName": "tak-prod-cloudtak-assets"},
        },
    }
}

Break = Callable[[Template], tuple[str, str, str]]
"""Damages AUTH and returns the check, the resource and the property of the fault that it makes."""
BREAKS: list[Break] = []


def _break(function: Break) -> Break:
    BREAKS.append(function)
    return function


def properties(template: Template, name: str) -> dict[str, Any]:
    return template["Resources"][name]["Properties"]


def broken(damage: Break) -> tuple[Template, tuple[str, str, str]]:
    template = copy.deepcopy(AUTH)
    return template, damage(template)


@_break
def an_export_that_the_stack_does_not_have(template: Template) -> tuple[str, str, str]:
    properties(template, "Group")["VpcId"] = imported("VpcID")
    return "imports", "Group", "VpcId"


@_break
def an_export_by_fn_sub(template: Template) -> tuple[str, str, str]:
    properties(template, "Group")["VpcId"] = {"Fn::ImportValue": {"Fn::Sub": "TAK-Prod-BaseInfra-${AWS::Region}-Vpc"}}
    return "imports", "Group", "VpcId"


@_break
def an_export_by_fn_join_and_a_parameter(template: Template) -> tuple[str, str, str]:
    template["Parameters"]["Suite"] = {"Type": "String", "Default": "Prod"}
    properties(template, "Secret")["KmsKeyId"] = {"Fn::ImportValue": join("TAK-", ref("Suite"), "-BaseInfra-Key")}
    return "imports", "Secret", "KmsKeyId"


@_break
def an_output_with_an_export_that_the_stack_does_not_have(template: Template) -> tuple[str, str, str]:
    template["Outputs"]["More"] = {"Value": imported("Nothing")}
    return "imports", "Outputs", "More.Value"


@_break
def another_environment(template: Template) -> tuple[str, str, str]:
    properties(template, "Group")["VpcId"] = {"Fn::ImportValue": "TAK-Staging-BaseInfra-VpcId"}
    return "imports", "Group", "VpcId"


@_break
def a_vpc_in_a_list_of_subnets(template: Template) -> tuple[str, str, str]:
    properties(template, "Subnets")["SubnetIds"] = [PRIVATE[0], imported("VpcId")]
    return "kinds", "Subnets", "SubnetIds[1]"


@_break
def a_subnet_in_an_iam_policy(template: Template) -> tuple[str, str, str]:
    statement = properties(template, "Policy")["PolicyDocument"]["Statement"][0]
    statement["Resource"] = [imported("KmsKeyArn"), imported("SubnetPrivateA")]
    return "kinds", "Policy", "PolicyDocument.Statement[0].Resource[1]"


@_break
def the_alias_of_the_key_for_a_log_group(template: Template) -> tuple[str, str, str]:
    properties(template, "Logs")["LogGroupName"] = "/tak-base-prod/auth"
    properties(template, "Logs")["KmsKeyId"] = imported("KmsAlias")
    return "kinds", "Logs", "KmsKeyId"


@_break
def a_cluster_of_another_name(template: Template) -> tuple[str, str, str]:
    properties(template, "Service")["Cluster"] = "TAK-Production"
    return "cluster-names", "Service", "Cluster"


@_break
def an_arn_of_a_cluster_of_another_name(template: Template) -> tuple[str, str, str]:
    statement = properties(template, "Policy")["PolicyDocument"]["Statement"][2]
    statement["Resource"] = {"Fn::Sub": "arn:aws:ecs:${AWS::Region}:${AWS::AccountId}:cluster/TAK-Production"}
    return "cluster-names", "Policy", "PolicyDocument.Statement[2].Resource"


@_break
def a_part_of_a_value_that_has_no_parts(template: Template) -> tuple[str, str, str]:
    properties(template, "Service")["Cluster"] = nth(1, "/", imported("VpcId"))
    return "functions", "Service", "Cluster"


@_break
def autoscaling_in_a_cluster_of_another_name(template: Template) -> tuple[str, str, str]:
    properties(template, "Scaling")["ResourceId"] = join("service/tak-base-prod/", get_att("Service", "Name"))
    return "cluster-names", "Scaling", "ResourceId"


@_break
def a_bucket_of_the_base_layer_by_its_name(template: Template) -> tuple[str, str, str]:
    statement = properties(template, "Policy")["PolicyDocument"]["Statement"][1]
    statement["Resource"] = join("arn:aws:s3:::tak-prod-baseinfra-", ref("AWS::Region"), "-artifacts/*")
    return "names-of-the-base-layer", "Policy", "PolicyDocument.Statement[1].Resource"


@_break
def a_log_group_that_nobody_creates(template: Template) -> tuple[str, str, str]:
    (container,) = properties(template, "Definition")["ContainerDefinitions"]
    container["LogConfiguration"]["Options"]["awslogs-group"] = "/ecs/authentik"
    return "log-group-names", "Definition", "ContainerDefinitions[0].LogConfiguration.Options.awslogs-group"


@_break
def a_name_that_is_too_long(template: Template) -> tuple[str, str, str]:
    properties(template, "Targets")["Name"] = "tak-production-authentik-server-1"
    return "name-lengths", "Targets", "Name"


@_break
def a_name_that_another_layer_has(template: Template) -> tuple[str, str, str]:
    template["Resources"]["Assets"] = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": "tak-prod-cloudtak-assets"},
    }
    # The later one of the two is named.
    return "claimed-names", "Assets", "BucketName"


@_break
def a_name_that_the_stack_has(template: Template) -> tuple[str, str, str]:
    properties(template, "Logs")["LogGroupName"] = "/tak-base-prod/flow-log"
    return "claimed-names", "Logs", "LogGroupName"


@_break
def a_host_header_below_the_wildcard(template: Template) -> tuple[str, str, str]:
    (condition,) = properties(template, "Rule")["Conditions"]
    condition["HostHeaderConfig"]["Values"] = [join("a.account.", ZONE)]
    return "domain-names", "Rule", "Conditions[0].HostHeaderConfig.Values[0]"


@_break
def a_record_below_the_wildcard(template: Template) -> tuple[str, str, str]:
    properties(template, "Record")["Name"] = {"Fn::Sub": ["a.account.${Zone}", {"Zone": ZONE}]}
    return "domain-names", "Record", "Name"


@_break
def a_distribution_with_a_certificate_of_the_region(template: Template) -> tuple[str, str, str]:
    certificate = {"AcmCertificateArn": imported("CertificateArn")}
    config = {"Aliases": [join("tiles.", ZONE)], "ViewerCertificate": certificate}
    template["Resources"]["Edge"] = {
        "Type": "AWS::CloudFront::Distribution",
        "Properties": {"DistributionConfig": config},
    }
    return "domain-names", "Edge", "DistributionConfig.ViewerCertificate.AcmCertificateArn"


@_break
def a_repository_by_its_name(template: Template) -> tuple[str, str, str]:
    (container,) = properties(template, "Definition")["ContainerDefinitions"]
    container["Image"] = {"Fn::Sub": "123456789012.dkr.ecr.${AWS::Region}.amazonaws.com/artifacts:authentik-1"}
    return "images", "Definition", "ContainerDefinitions[0].Image"


@_break
def a_function_from_a_repository_that_lambda_may_not_read(template: Template) -> tuple[str, str, str]:
    template["Resources"]["Function"] = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Code": {"ImageUri": "account-id.dkr.ecr.ap-southeast-2.amazonaws.com/IMAGES:tak-1"}},
    }
    return "images", "Function", "Code.ImageUri"


@_break
def a_log_group_under_the_key_with_a_name_of_its_own(template: Template) -> tuple[str, str, str]:
    properties(template, "Logs")["KmsKeyId"] = imported("KmsKeyArn")
    return "key-users", "Logs", "KmsKeyId"


@_break
def a_log_group_under_the_key_without_a_name(template: Template) -> tuple[str, str, str]:
    template["Resources"]["Unnamed"] = {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"KmsKeyId": imported("KmsKeyArn")},
    }
    return "key-users", "Unnamed", "KmsKeyId"


@_break
def an_alarm_to_a_topic_under_the_key(template: Template) -> tuple[str, str, str]:
    template["Resources"]["Topic"] = {
        "Type": "AWS::SNS::Topic",
        "Properties": {"KmsMasterKeyId": imported("KmsKeyArn")},
    }
    template["Resources"]["Alarm"] = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmActions": [ref("Topic")]}}
    return "key-users", "Topic", "KmsMasterKeyId"


@_break
def logs_of_a_load_balancer_in_the_config_bucket(template: Template) -> tuple[str, str, str]:
    bucket = nth(5, ":", imported("S3EnvConfigArn"))
    properties(template, "Balancer")["LoadBalancerAttributes"][1]["Value"] = bucket
    return "load-balancer-logs", "Balancer", "LoadBalancerAttributes[1].Value"


@_break
def a_prefix_that_elastic_load_balancing_refuses(template: Template) -> tuple[str, str, str]:
    properties(template, "Balancer")["LoadBalancerAttributes"][2]["Value"] = "AWSLogs/auth"
    return "load-balancer-logs", "Balancer", "LoadBalancerAttributes[1].Value"


@_break
def the_arn_of_the_log_bucket(template: Template) -> tuple[str, str, str]:
    properties(template, "Balancer")["LoadBalancerAttributes"][1]["Value"] = imported("S3ElbLogsArn")
    return "load-balancer-logs", "Balancer", "LoadBalancerAttributes[1].Value"


@_break
def more_tasks_than_addresses(template: Template) -> tuple[str, str, str]:
    properties(template, "Scaling")["MaxCapacity"] = 300
    return "addresses", "", ""
