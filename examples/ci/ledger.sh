#!/usr/bin/env bash
# ledger.sh take DIR | keep DIR: the ledger's durable place, a branch of its own in the repository.
#
# `take` brings the branch into DIR, or begins it; `keep` commits what is new there and pushes it. A branch, because it stays, has a
# history, can be protected, and needs no further right in Azure. Nothing else writes to it: jobs that `keep` share one
# concurrency group, and a push that is not a fast-forward fails, loudly.
#
# Variables: LEDGER_URL (https), LEDGER_TOKEN where the URL asks for one, LEDGER_BRANCH [tilgang-ledger].
set -euo pipefail

branch=${LEDGER_BRANCH:-tilgang-ledger}
dir=$2
if [ -n "${LEDGER_TOKEN:-}" ]; then # in the environment of git alone: on no command line, in no file
  basic=$(printf 'x-access-token:%s' "$LEDGER_TOKEN" | base64 | tr -d '\n')
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraheader GIT_CONFIG_VALUE_0="authorization: basic $basic"
fi
export GIT_TERMINAL_PROMPT=0

case $1 in
take)
  git init --quiet --initial-branch "$branch" -- "$dir"
  git -C "$dir" remote add origin "$LEDGER_URL"
  if [ -n "$(git -C "$dir" ls-remote --heads origin "refs/heads/$branch")" ]; then
    git -C "$dir" fetch --quiet --no-tags origin "refs/heads/$branch"
    git -C "$dir" reset --quiet --hard FETCH_HEAD
  fi
  ;;
keep)
  git -C "$dir" add --all
  if git -C "$dir" diff --cached --quiet; then
    echo "nothing new in the ledger"
    exit 0
  fi
  git -C "$dir" -c user.name=tilgang -c user.email=tilgang@localhost commit --quiet --message "${GITHUB_RUN_ID:-${BUILD_BUILDID:-by hand}}"
  git -C "$dir" push --quiet origin "HEAD:refs/heads/$branch"
  ;;
*)
  echo "take or keep?" >&2
  exit 64
  ;;
esac
