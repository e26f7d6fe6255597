"""Microsoft's own Python SDK against the simulated Azure: signs in over TLS, and does what people do with role assignments.

Reads TILGANG_SIM (host:port); the CA comes as REQUESTS_CA_BUNDLE. Each step is asserted, printed and counted.
"""

import logging
import os
import uuid

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient

BASE = "https://" + os.environ["TILGANG_SIM"]
TENANT = "00000000-0000-0000-0000-0000000000aa"
SUB = "00000000-0000-0000-0000-000000000051"
SUBSCRIPTION = f"/subscriptions/{SUB}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/ttd-test-rg"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/ttd-tt02-keyvault"
KARI = "00000000-0000-0000-0000-00000000000a"
OLA = "00000000-0000-0000-0000-00000000000b"
OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"

logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # its refusal is asserted below
steps = 0


def step(what, holds=True):
    global steps
    assert holds, what
    steps += 1
    print(f"{steps:2}  {what}")


def client(app, secret):
    credential = ClientSecretCredential(TENANT, app, secret, authority=BASE, disable_instance_discovery=True)
    return AuthorizationManagementClient(credential, SUB, base_url=BASE, credential_scopes=[BASE + "/.default"])


class Seen:
    """Remembers the status and the headers of what was answered."""

    def __init__(self):
        self.answers = []

    def __call__(self, response):
        self.answers.append(response.http_response)

    @property
    def statuses(self):
        return [answer.status_code for answer in self.answers]


def refusal(error, call):
    """What the SDK makes of a refusal: status and code."""
    try:
        call()
    except error as refused:
        return refused.status_code, refused.error.code if refused.error else None, refused.message
    raise AssertionError(f"this should have been refused as {error.__name__}")


def wanted(principal, role, **more):
    role = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    return {"properties": {"roleDefinitionId": role, "principalId": principal, "principalType": "User", **more}}


# Sign-in.
try:
    list(client("00000000-0000-0000-0000-0000000000c1", "guessed").role_assignments.list_for_subscription())
    raise AssertionError("a wrong secret signed in")
except ClientAuthenticationError as refused:
    step("a wrong secret is refused as Entra does", "AADSTS7000215" in refused.message)
writer = client("00000000-0000-0000-0000-0000000000c1", "writes")
reader = client("00000000-0000-0000-0000-0000000000c2", "reads")
assignments = writer.role_assignments

# Lists, pages, filters.
seen = Seen()
before = list(assignments.list_for_subscription(raw_response_hook=seen))
step(f"sign in over TLS, and list: {len(before)} assignments", len(before) == 4)
step(f"they come in {len(seen.answers)} pages of 2, by nextLink", seen.statuses == [200, 200])
step("no page repeats what another held", len({found.id for found in before}) == len(before))
here = list(assignments.list_for_scope(GROUP, filter="atScope()"))
step("atScope() leaves out what is below", here and all(found.scope in ("/", SUBSCRIPTION) for found in here))
karis = list(assignments.list_for_subscription(filter=f"principalId eq '{KARI}'"))
step("principalId eq finds one person's own", [found.principal_id for found in karis] == [KARI])
through = list(assignments.list_for_subscription(filter=f"assignedTo('{KARI}')"))
step("assignedTo() finds what comes through a group, too", {found.principal_type for found in through} == {"User", "Group"})

# Role definitions.
roles = list(writer.role_definitions.list(SUBSCRIPTION, filter="roleName eq 'key vault secrets officer'"))
step("a role definition by name, in any case", [role.name for role in roles] == [OFFICER])
role = writer.role_definitions.get(SUBSCRIPTION, READER)
step("a role definition by id, with its actions", role.role_name == "Reader" and role.permissions[0].actions == ["*/read"])
step("the list of role definitions", len(list(writer.role_definitions.list(SUBSCRIPTION))) >= 10)

# Create, again, conflict.
name = str(uuid.uuid4())
seen = Seen()
made = assignments.create(VAULT, name, wanted(KARI, OFFICER, description="by the SDK"), raw_response_hook=seen)
step("create: 201", seen.statuses == [201] and made.name == name and made.scope == VAULT)
step("the answer carries a request id", bool(seen.answers[0].headers.get("x-ms-request-id")))
got = assignments.get(VAULT, name)
step("what is got is what was made, by whom and when", got.created_by and got.created_on and got.description == "by the SDK")
seen = Seen()
assignments.create(VAULT, name, wanted(KARI, OFFICER, description="again"), raw_response_hook=seen)
again = assignments.get(VAULT, name)
step("create again by the same name: 201, an update", seen.statuses == [201] and again.description == "again")
step("an update keeps the day it was made", again.created_on == got.created_on)
status, code, message = refusal(ResourceExistsError, lambda: assignments.create(VAULT, str(uuid.uuid4()), wanted(KARI, OFFICER)))
step("another name for the same: 409 RoleAssignmentExists", (status, code) == (409, "RoleAssignmentExists"))
step("the refusal names the one that is there", uuid.UUID(name).hex in message)
status, code, _ = refusal(HttpResponseError, lambda: assignments.create(VAULT, name, wanted(OLA, OFFICER)))
step("the same name for another person: 400", (status, code) == (400, "RoleAssignmentUpdateNotPermitted"))
nobody = wanted(str(uuid.uuid4()), OFFICER)
del nobody["properties"]["principalType"]
status, code, _ = refusal(HttpResponseError, lambda: assignments.create(VAULT, str(uuid.uuid4()), nobody))
step("somebody who does not exist: 400 PrincipalNotFound", (status, code) == (400, "PrincipalNotFound"))
status, code, _ = refusal(HttpResponseError, lambda: assignments.create(VAULT, str(uuid.uuid4()), wanted(OLA, str(uuid.uuid4()))))
step(f"a role that does not exist: {status} {code}", code == "RoleDefinitionDoesNotExist")
other = str(uuid.uuid4())
assignments.create(GROUP, other, wanted(OLA, READER))
held = [found.scope for found in assignments.list_for_resource_group("ttd-test-rg") if found.principal_id == OLA]
step("one at a resource group shows in its list", held == [GROUP])
step("and by its whole id", assignments.get_by_id(f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/{other}").name == other)

# Somebody who may only read.
step("a reader reads the same list", len(list(reader.role_assignments.list_for_subscription())) == len(before) + 2)
status, code, message = refusal(HttpResponseError, lambda: reader.role_assignments.create(VAULT, str(uuid.uuid4()), wanted(OLA, OFFICER)))
step("a reader's create: 403 AuthorizationFailed", (status, code) == (403, "AuthorizationFailed"))
step("which names the action", "Microsoft.Authorization/roleAssignments/write" in message)
status, code, _ = refusal(HttpResponseError, lambda: reader.role_assignments.delete(VAULT, name))
step("a reader's delete: 403", (status, code) == (403, "AuthorizationFailed"))

# Delete.
seen = Seen()
gone = assignments.delete(VAULT, name, raw_response_hook=seen)
step("delete: 200, with what is gone", seen.statuses == [200] and gone.name == name)
seen = Seen()
nothing = assignments.delete(VAULT, name, raw_response_hook=seen)
step("delete again: 204", seen.statuses == [204] and nothing is None)
status, code, _ = refusal(ResourceNotFoundError, lambda: assignments.get(VAULT, name))
step("what is gone is not found: 404 RoleAssignmentNotFound", (status, code) == (404, "RoleAssignmentNotFound"))
assignments.delete_by_id(f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/{other}")
after = {found.id for found in assignments.list_for_subscription()}
step("and the list is what it was", after == {found.id for found in before})

print(f"{steps} steps")
