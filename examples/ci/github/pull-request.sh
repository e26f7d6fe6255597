#!/usr/bin/env bash
# pull-request.sh NOTE: which pull request a finished run in a fork belongs to, by what GitHub says, not by what the fork says.
#
# In: the commit, owner and branch that GitHub names for the run: the latter two are anybody's words, and go only into a query. Out:
# `number` to GITHUB_OUTPUT, and a note in words of ours for the comment. Only an open pull request to our default branch whose head
# is this very commit counts; if it has moved on, a newer run tells. Never a word of the fork's in the note.
#
# Variables: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN, GITHUB_OUTPUT, DEFAULT_BRANCH, HEAD_SHA, HEAD_OWNER, HEAD_BRANCH.
set -euo pipefail

note=$1
[[ $HEAD_SHA =~ ^[0-9a-f]{40}$ ]] || { echo "HEAD_SHA is no commit" >&2; exit 64; }
[[ $GITHUB_REPOSITORY =~ ^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$ ]] || { echo "GITHUB_REPOSITORY is no repository" >&2; exit 64; }

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
api=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY

# ask ANSWER …: into a file, which curl empties before it tries again
ask() {
  local answer=$1
  shift
  curl --silent --show-error --fail-with-body --proto '=https,http' --max-time 60 --retry 3 --get --output "$answer" \
    --header @<(printf 'authorization: Bearer %s\n' "$GITHUB_TOKEN") \
    --header 'accept: application/vnd.github+json' --header 'x-github-api-version: 2022-11-28' "$@"
}

printf '%s:%s' "$HEAD_OWNER" "$HEAD_BRANCH" >"$work/head"
ask "$work/pulls" --data-urlencode "head@$work/head" --data-urlencode state=open --data per_page=100 -- "$api/pulls"
number=$(jq --raw-output --arg sha "$HEAD_SHA" --arg base "$DEFAULT_BRANCH" --arg repository "$GITHUB_REPOSITORY" \
  '[.[] | select(.head.sha == $sha and .base.ref == $base and .base.repo.full_name == $repository) | .number][0] // ""' "$work/pulls")
if ! [[ $number =~ ^[1-9][0-9]{0,9}$ ]]; then
  echo "no open pull request has this commit as its head: nothing to do"
  exit 0
fi

# Files that a proposal does not hold: counted, never named.
others=0
for page in $(seq 1 30); do # GitHub lists 3,000 files at most
  ask "$work/files" --data per_page=100 --data "page=$page" -- "$api/pulls/$number/files"
  some=$(jq '[.[] | .filename, (.previous_filename // empty) | select(test("^owners/[a-z0-9]{2,8}\\.yaml$") | not)] | length' "$work/files")
  others=$((others + some))
  if [ "$(jq length "$work/files")" -lt 100 ]; then break; fi
done

{
  # shellcheck disable=SC2016
  echo '> From a fork: planned from what its own check wrote down of `owners/`, with `tilgang.yaml` of the protected branch.'
  echo '> What is merged is planned again, from the files themselves, before anything is applied.'
  if [ "$others" -gt 0 ]; then
    echo '>'
    echo "> **Also changes other files ($others). They are not part of this plan: read them in the pull request.**"
  fi
  echo
} >"$note"
echo "number=$number" >>"$GITHUB_OUTPUT"
