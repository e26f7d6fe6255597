#!/usr/bin/env bash
# ledger.sh begin DIR | take DIR | read DIR | keep DIR | merge DIR | unlock: the ledger's durable place, a branch of its own in the repository.
#
#   begin   makes the branch, once, of what `tilgang ledger begin` made in DIR; where it is there already, nothing is done (exit 1).
#   take    for jobs that write to Azure or to the ledger: brings the branch into DIR and locks it. The lock is a commit on the branch
#           itself (a file `HELD-BY`), pushed without force: of two that try, one is refused. So it also proves, before anything is written
#           to Azure, that the branch can be pushed to. A lock of another run is waited for (LEDGER_WAIT seconds); then this fails.
#   read    for jobs that only read: brings the branch into DIR.
#   keep    commits what is new in DIR without the lock, and pushes; tries five times. If that fails, DIR has what is not kept: the job
#           keeps it as an artifact, and the branch stays locked until somebody gives the artifact to `merge`.
#   merge   takes over a folder that could not be kept, and unlocks. Only if nobody pushed since it was taken, and each file goes on where
#           the branch's own ends.
#   unlock  gives up what a run that was killed did not keep. Read first what it did: the next plan reads Azure anyway.
#
# Where the branch cannot be asked, or is not there, all of them fail: without the ledger nobody knows whether a newer commit was applied.
#
# Variables: LEDGER_URL (https), LEDGER_TOKEN where the URL asks for one, LEDGER_BRANCH [tilgang-ledger], LEDGER_WAIT [900].
set -euo pipefail

branch=${LEDGER_BRANCH:-tilgang-ledger}
ref=refs/heads/$branch
if [ -n "${LEDGER_TOKEN:-}" ]; then # in the environment of git alone: on no command line, in no file
  basic=$(printf 'x-access-token:%s' "$LEDGER_TOKEN" | base64 | tr -d '\n')
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraheader GIT_CONFIG_VALUE_0="authorization: basic $basic"
fi
export GIT_TERMINAL_PROMPT=0 GIT_HTTP_LOW_SPEED_LIMIT=1 GIT_HTTP_LOW_SPEED_TIME=60 # bytes a second, and for so long

fail() {
  echo "ledger: $*" >&2
  exit 1
}

# who runs this, for whoever waits
holder() {
  if [ -n "${GITHUB_RUN_ID:-}" ]; then
    echo "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID (attempt ${GITHUB_RUN_ATTEMPT:-1})"
  elif [ -n "${BUILD_BUILDID:-}" ]; then
    echo "${SYSTEM_COLLECTIONURI:-}${SYSTEM_TEAMPROJECT:-}/_build/results?buildId=$BUILD_BUILDID"
  else
    echo "$(id -un) at $(hostname)"
  fi
}

# clone DIR: the branch as it is now; fails where it cannot be asked, and where there is none
clone() {
  if [ -e "$1/.git" ]; then rm -rf -- "$1"; fi # what an agent kept from an earlier run
  git init --quiet --initial-branch "$branch" -- "$1"
  git -C "$1" remote add origin "$LEDGER_URL"
  fetch "$1"
}

fetch() {
  local found
  found=$(git -C "$1" ls-remote --heads origin "$ref") || fail "$branch could not be asked for: nothing may be applied"
  [ -n "$found" ] || fail "there is no branch $branch: begin the ledger once, with \`tilgang ledger begin\` and \`ledger.sh begin\`"
  git -C "$1" fetch --quiet --no-tags origin "$ref" || fail "$branch could not be fetched: nothing may be applied"
  git -C "$1" reset --quiet --hard FETCH_HEAD
}

commit() { # DIR MESSAGE
  git -C "$1" -c user.name=tilgang -c user.email=tilgang@localhost commit --quiet --allow-empty --message "$2"
}

push() { git -C "$1" push --quiet origin "HEAD:$ref"; }

# patiently COMMAND…: five times, with 1, 2, 4 and 8 seconds between
patiently() {
  local pause=1
  for _ in 1 2 3 4; do
    if "$@"; then return 0; fi
    sleep "$pause"
    pause=$((pause * 2))
  done
  "$@"
}

said() { tr -cd '[:print:]' <"$1" | cut -c 1-300; }

case ${1-} in
begin)
  from=${2:?the folder that \`tilgang ledger begin\` made}
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  git init --quiet --initial-branch "$branch" -- "$work"
  git -C "$work" remote add origin "$LEDGER_URL"
  found=$(git -C "$work" ls-remote --heads origin "$ref") || fail "the repository could not be asked"
  [ -z "$found" ] || fail "$branch is there already"
  cp -R -- "$from/." "$work"
  rm -f -- "$work/lock" # the program's, on this machine
  git -C "$work" add --all
  git -C "$work" diff --cached --quiet && fail "$from is empty: run \`tilgang ledger begin\` first"
  commit "$work" "The ledger begins"
  git -C "$work" push --quiet --force-with-lease="$ref:" origin "HEAD:$ref" || fail "$branch could not be pushed to"
  echo "$branch is begun"
  ;;
read)
  clone "${2:?the folder}"
  ;;
take)
  dir=${2:?the folder}
  clone "$dir"
  tries=0
  until=$(($(date +%s) + ${LEDGER_WAIT:-900}))
  while :; do
    if [ -e "$dir/HELD-BY" ]; then
      [ "$(date +%s)" -lt "$until" ] || fail "held by $(said "$dir/HELD-BY"): if that run is over and could not keep it, give its artifact to \`ledger.sh merge\`"
      echo "the ledger is held by $(said "$dir/HELD-BY"); waiting"
      sleep "${LEDGER_PAUSE:-20}"
    else
      printf '%s since %s\n' "$(holder)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$dir/HELD-BY"
      git -C "$dir" add HELD-BY
      commit "$dir" "locked by $(holder)"
      if push "$dir"; then
        git -C "$dir" rev-parse HEAD >"$dir/TAKEN"
        printf '%s\n' TAKEN lock >>"$dir/.git/info/exclude" # ours, and that of the program on this machine
        break
      fi
      # Somebody else was first, or nobody may push: after a few tries it is the latter.
      tries=$((tries + 1))
      [ "$tries" -lt 5 ] || fail "$branch cannot be pushed to: nothing may be applied"
      sleep 1
    fi
    fetch "$dir"
  done
  ;;
keep)
  dir=${2:?the folder}
  [ -e "$dir/TAKEN" ] || { echo "the ledger was not taken: there is nothing to keep"; exit 0; }
  if [ -e "$dir/HELD-BY" ]; then git -C "$dir" rm --quiet --force HELD-BY; fi
  git -C "$dir" add --all
  commit "$dir" "$(holder)"
  if ! patiently push "$dir"; then
    [ -z "${TF_BUILD:-}" ] || echo "##vso[task.setvariable variable=ledgerNotKept]true"
    fail "it could not be kept: $dir has what is new. Keep it as an artifact, and give it to \`ledger.sh merge\`; until then $branch stays locked"
  fi
  rm -f -- "$dir/TAKEN"
  ;;
merge)
  from=${2:?the folder that could not be kept}
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  clone "$work/ledger"
  # While it is locked nobody else pushes: what this folder went on from is still the newest commit.
  held=$(cat -- "$from/TAKEN") || fail "$from holds no ledger that was taken"
  [ "$held" = "$(git -C "$work/ledger" rev-parse HEAD)" ] || fail "$branch has moved on since this folder was taken: it is merged already, or was unlocked"
  while IFS= read -r -d '' file; do
    name=${file#"$from"/}
    old=$work/ledger/$name
    if [ -e "$old" ] && ! cmp --silent --bytes="$(wc -c <"$old")" -- "$old" "$file"; then
      fail "$name does not go on where that of $branch ends: it is not what this lock is for"
    fi
    mkdir -p -- "$(dirname -- "$old")"
    cp -- "$file" "$old"
  done < <(find "$from" -type f -not -path '*/.git/*' -not -name HELD-BY -not -name TAKEN -not -name lock -print0)
  git -C "$work/ledger" rm --quiet --force HELD-BY
  git -C "$work/ledger" add --all
  commit "$work/ledger" "merged by $(holder)"
  patiently push "$work/ledger" || fail "$branch could not be pushed to"
  echo "merged; $branch is unlocked"
  ;;
unlock)
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
  clone "$work/ledger"
  [ -e "$work/ledger/HELD-BY" ] || fail "$branch is not locked"
  echo "was held by $(said "$work/ledger/HELD-BY")"
  git -C "$work/ledger" rm --quiet --force HELD-BY
  commit "$work/ledger" "unlocked by $(holder)"
  patiently push "$work/ledger" || fail "$branch could not be pushed to"
  ;;
*)
  echo "usage: ledger.sh begin DIR | take DIR | read DIR | keep DIR | merge DIR | unlock" >&2
  exit 64
  ;;
esac
