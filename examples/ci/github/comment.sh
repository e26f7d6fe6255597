#!/usr/bin/env bash
# comment.sh REPORT [NOTE]: one comment on a pull request, kept up to date.
#
# In: a Markdown report of tilgang's, whose first line is a marker that nobody sees; and a note of ours to put below it. The
# comment that the workflow itself wrote and that begins with this marker is changed; if there is none, one is written. A
# marker in anybody else's comment is nothing. Never runs, and never puts into a command, what a report or a comment says: texts
# go from file to file, as JSON. The token is on no command line.
#
# Variables: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN, PULL_REQUEST; TILGANG_BOT where it is not GitHub's own bot.
set -euo pipefail

report=$1
note=${2:-/dev/null}
bot=${TILGANG_BOT:-github-actions[bot]}
[[ ${PULL_REQUEST:-} =~ ^[1-9][0-9]{0,9}$ ]] || { echo "PULL_REQUEST is no number" >&2; exit 64; }
[[ $GITHUB_REPOSITORY =~ ^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$ ]] || { echo "GITHUB_REPOSITORY is no repository" >&2; exit 64; }

marker=$(head -n 1 -- "$report")
[[ $marker =~ ^'<!-- tilgang:'[a-z]+' '([A-Za-z0-9]+' ')*'-->'$ ]] || { echo "$report does not begin with a marker" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
api=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY

# ask METHOD URL ANSWER [BODY]: what GitHub answers, in a file, which curl empties before it tries again. GitHub REST API, "Issue
# comments": pull requests' comments are issues' comments. A POST is not tried again here: it may have been done all the same.
ask() {
  local tries=3
  if [ "$1" = POST ]; then tries=0; fi
  curl --silent --show-error --fail-with-body --proto '=https,http' --max-time 60 --retry "$tries" --request "$1" --output "$3" \
    --header @<(printf 'authorization: Bearer %s\n' "$GITHUB_TOKEN") \
    --header 'accept: application/vnd.github+json' --header 'x-github-api-version: 2022-11-28' \
    ${4:+--header 'content-type: application/json' --data-binary "@$4"} -- "$2"
}

# ours: the number of our comment; nothing if there is none. All pages: it may come after hundreds of others.
ours() {
  : >"$work/ours"
  for page in $(seq 1 100); do
    ask GET "$api/issues/$PULL_REQUEST/comments?per_page=100&page=$page" "$work/page"
    jq --raw-output --arg bot "$bot" --arg marker "$marker" \
      '.[] | select(.user.login == $bot and .user.type == "Bot") | select((.body | split("\n") | .[0] | rtrimstr("\r")) == $marker) | .id' \
      "$work/page" >>"$work/ours"
    if [ -s "$work/ours" ] || [ "$(jq length "$work/page")" -lt 100 ]; then break; fi
  done
  id=$(head -n 1 "$work/ours")
  [[ $id =~ ^[0-9]*$ ]] || { echo "GitHub named a comment that has no number" >&2; exit 1; }
}

{ printf '%s\n' "$marker"; cat -- "$note"; tail -n +2 -- "$report"; } >"$work/text"
jq --null-input --rawfile body "$work/text" '{ $body }' >"$work/body"
for try in 1 2 3; do
  ours
  if [ -n "$id" ]; then
    ask PATCH "$api/issues/comments/$id" "$work/answer" "$work/body"
    echo "comment $id is brought up to date"
    break
  elif ask POST "$api/issues/$PULL_REQUEST/comments" "$work/answer" "$work/body"; then
    echo "a comment is written"
    break
  elif [ "$try" = 3 ]; then
    echo "GitHub took no comment" >&2
    exit 1
  fi
  sleep "$try"
done
