"""The command `tak-base`: arguments in, printed result and exit code out.

Exit codes: 0 fine, 1 findings or a failed deployment, 2 bad input. What a command does is in the module
that its function imports. Imports wait until the command runs: `addresses` does not load Pulumi.
"""

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from tak_tools.errors import DeploymentError, InputError

app = typer.Typer(
    help="Show the TAK base layer before a deployment, and check it after.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

StackOption = Annotated[str, typer.Option("--stack", "-s", help="The stack: NAME of a file Pulumi.NAME.yaml.")]
FolderOption = Annotated[Path, typer.Option("--folder", help="The folder of Pulumi.yaml and the stack files.")]
OutputsOption = Annotated[
    Path | None,
    typer.Option("--outputs", help="What `pulumi stack output --json` prints; without it the Pulumi CLI is asked."),
]
PolicyOption = Annotated[bool, typer.Option("--policy", help="Only print the IAM policy that this command needs.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback()
def tak_base() -> None:
    """See the TAK base layer before a deployment, and prove it after."""


@app.command()
def init(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The name of a new stack.")],
    folder: FolderOption = Path(),
    environment: Annotated[
        str | None,
        typer.Option("--environment", help="prod or dev-test. Default: prod, or dev-test for a stack called dev-test."),
    ] = None,
    region: Annotated[str, typer.Option("--region", help="The AWS region.")] = "ap-southeast-2",
    tak_suite: Annotated[
        str | None,
        typer.Option("--tak-suite", help="The TAK environment whose layers (TAK-NZ) use the stack, such as Prod."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", help="A public Route 53 hosted zone that the account has.")
    ] = None,
) -> int:
    """Write the file of a new stack, with the next free network. It overwrites no file."""
    from tak_tools import stack_init as command

    return command.run(folder, stack, environment=environment, region=region, tak_suite=tak_suite, zone=zone)


@app.command()
def plan(
    stack: StackOption,
    folder: FolderOption = Path(),
    compare: Annotated[str | None, typer.Option("--compare", help="Another stack, shown beside it.")] = None,
    json: JsonOption = False,
) -> int:
    """Show what `pulumi up` will create: resources, addresses, policy violations, cost and critical path."""
    from tak_tools import plan_report as command

    return command.run(folder, stack, compare, as_json=json)


@app.command()
def diagram(
    stack: StackOption,
    folder: FolderOption = Path(),
    svg: Annotated[Path | None, typer.Option("--svg", help="Also write the picture to this file, as SVG.")] = None,
    json: JsonOption = False,
) -> None:
    """Print the architecture as a mermaid diagram, made from the resources that the program registers."""
    from tak_tools.diagram import command

    command.run(folder, stack, svg_file=svg, as_json=json)


@app.command()
def addresses(folder: FolderOption = Path(), json: JsonOption = False) -> int:
    """List the network of every stack file, networks that are used twice, and the next free IDs."""
    from tak_tools import address_book as command

    return command.run(folder, as_json=json)


@app.command()
def simulate(stack: StackOption, folder: FolderOption = Path(), json: JsonOption = False) -> int:
    """Deploy the stack into a simulated AWS in memory, and verify it there, without an account or the Pulumi CLI."""
    from tak_tools import simulate as command

    return command.run(folder, stack, as_json=json)


@app.command()
def fit(
    templates: Annotated[
        list[Path],
        typer.Argument(metavar="TEMPLATE...", help="CloudFormation templates, such as cdk.out/*.template.json."),
    ],
    stack: StackOption,
    folder: FolderOption = Path(),
    json: JsonOption = False,
) -> int:
    """Check whether layers above, given as CloudFormation templates, can be deployed on the stack, without AWS."""
    from tak_tools.fit import command

    return command.run(folder, templates, stack, as_json=json)


@app.command()
def verify(
    stack: StackOption,
    folder: FolderOption = Path(),
    outputs: OutputsOption = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", help="What `pulumi stack export` prints: checks the protection options too."),
    ] = None,
    sarif: Annotated[
        Path | None,
        typer.Option("--sarif", help="Also write the findings to this file as SARIF, for code scanning of GitHub."),
    ] = None,
    image_pushes: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Through how many more pushes an image in use has to stay, counted for each lifecycle rule. Default:"
            " 10, or half of the images that the rule keeps if that is less.",
        ),
    ] = None,
    policy: PolicyOption = False,
    json: JsonOption = False,
) -> int:
    """Check a deployed stack on AWS against the architecture. It only reads."""
    from tak_tools.verify import command

    if policy:
        command.print_policy()
        return 0
    return command.run(
        folder,
        stack,
        outputs_file=outputs,
        state_file=state,
        image_pushes=image_pushes,
        sarif_file=sarif,
        as_json=json,
    )


@app.command()
def pending(
    stack: StackOption,
    folder: FolderOption = Path(),
    state: Annotated[
        Path | None,
        typer.Option("--state", help="What `pulumi stack export` prints; without it the Pulumi CLI is asked."),
    ] = None,
    adopt: Annotated[
        Path | None,
        typer.Option("--adopt", help="Write the state with what AWS has to this file, for `pulumi stack import`."),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Show what AWS has of the resources that a killed update was creating. It only reads."""
    from tak_tools import pending as command

    return command.run(folder, stack, state_file=state, adopt_file=adopt, as_json=json)


@app.command()
def tenants(
    stack: StackOption,
    folder: FolderOption = Path(),
    outputs: OutputsOption = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", help="What `pulumi stack export` prints: has the IDs of the stack's own resources."),
    ] = None,
    expect_none: Annotated[
        bool,
        typer.Option("--expect-none", help="Exit code 1 where there is something, or a question was not answered."),
    ] = False,
    policy: PolicyOption = False,
    json: JsonOption = False,
) -> int:
    """Show what uses a deployed stack and belongs to others, such as before a destroy. It only reads."""
    from tak_tools import tenants as command

    if policy:
        command.print_policy()
        return 0
    return command.run(folder, stack, outputs_file=outputs, state_file=state, expect_none=expect_none, as_json=json)


@app.command()
def prices(
    refresh: Annotated[
        bool, typer.Option("--refresh", help="First read AWS's public price list, and rewrite the data file.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", help="With --refresh: write this file instead of the installed one.")
    ] = None,
    price_list: Annotated[str | None, typer.Option("--price-list", hidden=True)] = None,
    json: JsonOption = False,
) -> int:
    """Show the list prices that plans use, and their age; exit code 1 where they are older than a year."""
    from tak_tools import prices as command

    return command.run(refresh=refresh, output=output, price_list=price_list or command.PRICE_LIST, as_json=json)


@app.command()
def recover(
    stack: StackOption,
    folder: FolderOption = Path(),
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Write the file for `pulumi import --file`. It overwrites no file."),
    ] = None,
    policy: PolicyOption = False,
    json: JsonOption = False,
) -> int:
    """Find the resources of a stack whose state is lost, for `pulumi import`. It only reads."""
    from tak_tools import recover as command

    if policy:
        command.print_policy()
        return 0
    return command.run(folder, stack, output=output, as_json=json)


@app.command()
def local_up(stack: StackOption = "local", folder: FolderOption = Path()) -> int:
    """Deploy with the real Pulumi CLI and AWS plugin into a Moto server on this machine, and verify it."""
    from tak_tools.local_aws import command

    return command.run_up(folder, stack)


@app.command()
def local_down(stack: StackOption = "local", folder: FolderOption = Path()) -> int:
    """Destroy what local-up made, and stop its server."""
    from tak_tools.local_aws import command

    return command.run_down(folder, stack)


@app.command()
def local_status(folder: FolderOption = Path()) -> int:
    """Say whether the server of local-up is running, and where."""
    from tak_tools.local_aws import command

    return command.run_status(folder)


def main() -> None:
    """The entry point. Turns mistakes of the user into one line each, without a stack trace."""
    # A command creates many objects and ends: garbage collection only costs time.
    gc.disable()
    try:
        exit_code = app(standalone_mode=False) or 0
        if exit_code == 130:
            # typer catches KeyboardInterrupt and prints nothing.
            raise KeyboardInterrupt
    except InputError as error:
        exit_code = _report(error.problems, 2)
    except TyperException as error:
        exit_code = _report((f"{error.format_message()} (tak-base --help)",), error.exit_code)
    except DeploymentError as error:
        exit_code = _report((str(error),), 1)
    except (KeyboardInterrupt, typer.Abort):
        exit_code = _report(("interrupted; nothing is left running",), 130)
    except Exception as error:
        # The program refuses its input by pulumi.RunError. Where no program has run, Pulumi is not imported.
        if not isinstance(error, getattr(sys.modules.get("pulumi"), "RunError", ())):
            raise
        exit_code = _report(tuple(str(error).splitlines()), 2)
    sys.exit(exit_code)


def _report(lines: tuple[str, ...], exit_code: int) -> int:
    from tak_tools.console import print_errors

    print_errors(lines)
    return exit_code
