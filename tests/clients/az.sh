#!/usr/bin/env bash
# Microsoft's az CLI against the simulated Azure, as somebody would type it. Needs azure-cli (2.91.0 was tried; 733 MB, so outside
# CI) and a simulator with the world beside this file:
#
#   tilgang simulate --world tests/clients/azure.yaml --tls /tmp/tilgang-ca --listen 127.0.0.1:8443
#   PATH=/path/to/venv/bin:$PATH tests/clients/az.sh 127.0.0.1:8443 /tmp/tilgang-ca/ca.pem
set -euo pipefail
sim=$1
export REQUESTS_CA_BUNDLE=$2
AZURE_CONFIG_DIR=$(mktemp -d)
export AZURE_CONFIG_DIR
trap 'rm -rf "$AZURE_CONFIG_DIR"' EXIT
# Without these, az asks Microsoft who we are, and sends Microsoft what we do.
export AZURE_CORE_INSTANCE_DISCOVERY=false AZURE_CORE_COLLECT_TELEMETRY=false
export AZURE_CORE_LOGIN_EXPERIENCE_V2=off AZURE_EXTENSION_USE_DYNAMIC_INSTALL=no AZURE_CORE_NO_COLOR=true

steps=0
# Shows a command, runs it, shows what it prints, and looks for a text in that.
try() {
  local expected=$1 printed
  shift
  local word shown=az
  for word in "$@"; do
    if [[ $word == *[\ \[\'\*{]* ]]; then word="\"$word\""; fi
    shown+=" $word"
  done
  echo "\$ $shown"
  if ! printed=$(az "$@" 2>&1); then printf '%s\nFAILED\n' "$printed"; exit 1; fi
  if [ -n "$printed" ]; then printf '%s\n' "$printed"; fi
  if [[ $printed != *"$expected"* ]]; then echo "FAILED: this does not say: $expected"; exit 1; fi
  steps=$((steps + 1))
}

vault=/subscriptions/00000000-0000-0000-0000-000000000051/resourceGroups/ttd-test-rg/providers/Microsoft.KeyVault/vaults/ttd-tt02-keyvault
kari=00000000-0000-0000-0000-00000000000a
table=(--query "[].{who:principalName, role:roleDefinitionName, scope:scope}" -o table)

try "" cloud register -n Simulated --endpoint-resource-manager "https://$sim"
try "" cloud set -n Simulated
try Altinn-TTD-Test login --service-principal -u 00000000-0000-0000-0000-0000000000c1 -p writes \
  --tenant 00000000-0000-0000-0000-0000000000aa -o table
try kari.fiktiv@ai-dev.no role assignment list --all "${table[@]}"
try "\"principalId\": \"$kari\"" role assignment create --assignee kari.fiktiv@ai-dev.no --role "Key Vault Secrets Officer" --scope "$vault" -o json
first=$(az role assignment list --scope "$vault" --query "[?scope=='$vault'].name" -o tsv)
# The second finds the first: az gets 409 RoleAssignmentExists, looks for the one that is there, and shows it.
try "$first" role assignment create --assignee-object-id "$kari" --assignee-principal-type User --role "Key Vault Secrets Officer" --scope "$vault" --query "{name:name, who:principalName}" -o json
try "Key Vault Secrets Officer" role assignment list --scope "$vault" --assignee kari.fiktiv@ai-dev.no "${table[@]}"
try "" role assignment delete --assignee kari.fiktiv@ai-dev.no --role "Key Vault Secrets Officer" --scope "$vault"
try "[]" role assignment list --scope "$vault" --assignee kari.fiktiv@ai-dev.no --query "[?scope=='$vault']" -o json
try "Microsoft.KeyVault/vaults/secrets/*" role definition list --name "Key Vault Secrets Officer" --query "[].{name:roleName, id:name, data:permissions[0].dataActions}" -o json
try '"displayName": "Kari Fiktiv"' ad user show --id kari.fiktiv@ai-dev.no -o json
try '"appId": "00000000-0000-0000-0000-0000000000c2"' ad sp show --id 00000000-0000-0000-0000-0000000000c2 -o json
try "" logout
echo "$steps steps"
