#!/usr/bin/env bash
# comment.sh REPORT: one thread on a pull request in Azure DevOps, kept up to date.
#
# In: a Markdown report of tilgang's, whose first line is a marker that nobody sees. The first comment of a thread that this build's own
# identity began with this marker is changed; if there is none, a thread is written, closed: it asks nobody for an answer. A marker in
# anybody else's comment is nothing. Never runs, and never puts into a command, what a report or a comment says: texts go
# from file to file, as JSON. The token is on no command line.
#
# Azure DevOps REST API 7.1, "Pull Request Threads" (list, create) and "Pull Request Thread Comments" (update).
# Variables: SYSTEM_COLLECTIONURI, SYSTEM_TEAMPROJECTID, BUILD_REPOSITORY_ID, SYSTEM_PULLREQUEST_PULLREQUESTID, SYSTEM_ACCESSTOKEN.
set -euo pipefail

report=$1
[[ ${SYSTEM_PULLREQUEST_PULLREQUESTID:-} =~ ^[1-9][0-9]{0,9}$ ]] || { echo "this build is of no pull request" >&2; exit 64; }
for guid in "$SYSTEM_TEAMPROJECTID" "$BUILD_REPOSITORY_ID"; do
  [[ $guid =~ ^[0-9a-fA-F-]{36}$ ]] || { echo "SYSTEM_TEAMPROJECTID or BUILD_REPOSITORY_ID is no id" >&2; exit 64; }
done
marker=$(head -n 1 -- "$report")
[[ $marker =~ ^'<!-- tilgang:'[a-z]+' '([A-Za-z0-9]+' ')*'-->'$ ]] || { echo "$report does not begin with a marker" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
collection=${SYSTEM_COLLECTIONURI%/}
threads=$collection/$SYSTEM_TEAMPROJECTID/_apis/git/repositories/$BUILD_REPOSITORY_ID/pullRequests/$SYSTEM_PULLREQUEST_PULLREQUESTID/threads

# ask METHOD URL ANSWER [BODY]: into a file, which curl empties before it tries again. A POST is not tried again here: it may have been done.
ask() {
  local tries=3
  if [ "$1" = POST ]; then tries=0; fi
  curl --silent --show-error --fail-with-body --proto '=https,http' --max-time 60 --retry "$tries" --request "$1" --output "$3" \
    --header @<(printf 'authorization: Bearer %s\n' "$SYSTEM_ACCESSTOKEN") --header 'accept: application/json' \
    ${4:+--header 'content-type: application/json' --data-binary "@$4"} -- "$2"
}

ask GET "$collection/_apis/connectionData" "$work/me"
me=$(jq --raw-output '.authenticatedUser.id // ""' "$work/me")
[[ $me =~ ^[0-9a-fA-F-]{36}$ ]] || { echo "Azure DevOps does not say who this build is" >&2; exit 1; }

for try in 1 2 3; do
  ask GET "$threads?api-version=7.1" "$work/threads"
  ours=$(jq --raw-output --arg me "$me" --arg marker "$marker" \
    '[.value[] | select((.isDeleted // false) | not) | .id as $thread | .comments[0] // empty
      | select((.isDeleted // false) | not) | select(.author.id == $me)
      | select((.content // "" | split("\n") | .[0] | rtrimstr("\r")) == $marker) | "\($thread) \(.id)"][0] // ""' "$work/threads")
  if [[ $ours =~ ^([0-9]+)\ ([0-9]+)$ ]]; then
    jq --null-input --rawfile content "$report" '{ $content }' >"$work/body"
    ask PATCH "$threads/${BASH_REMATCH[1]}/comments/${BASH_REMATCH[2]}?api-version=7.1" "$work/answer" "$work/body"
    echo "thread ${BASH_REMATCH[1]} is brought up to date"
    break
  elif [ -n "$ours" ]; then
    echo "Azure DevOps named a thread that has no number" >&2
    exit 1
  fi
  jq --null-input --rawfile content "$report" \
    '{ comments: [{ parentCommentId: 0, commentType: "text", $content }], status: "closed" }' >"$work/body"
  if ask POST "$threads?api-version=7.1" "$work/answer" "$work/body"; then
    echo "a thread is written"
    break
  elif [ "$try" = 3 ]; then
    echo "Azure DevOps took no thread" >&2
    exit 1
  fi
  sleep "$try"
done
