#!/bin/sh
# Gathers what runs in the image into a folder: tilgang, git, the libraries these two need, CA certificates, a user.
# No shell, no package manager, nothing that is set-uid. Usage: rootfs.sh TILGANG ROOT, on Debian, with git and ca-certificates.
set -eu
tilgang=$1 root=$2

mkdir -p "$root/etc/ssl/certs" "$root/usr/bin" "$root/usr/lib/git-core" "$root/tmp" "$root/var/lib/tilgang"
cp "$tilgang" "$root/usr/bin/tilgang"
cp -L /usr/bin/git "$root/usr/bin/git"
# `git fetch` over HTTPS needs these two; everything else of git that tilgang asks for is in `git` itself.
cp -L /usr/lib/git-core/git-remote-http "$root/usr/lib/git-core/git-remote-http"
ln -sf git-remote-http "$root/usr/lib/git-core/git-remote-https"
ln -sf /usr/bin/git "$root/usr/lib/git-core/git"

# The libraries, at the paths where the loader looks for them. Name look-ups load theirs by name.
lib=$(dirname "$(ldconfig -p | awk '$1 == "libc.so.6" { print $NF; exit }')")
{
  for program in "$root/usr/bin/tilgang" "$root/usr/bin/git" "$root/usr/lib/git-core/git-remote-http"; do
    ldd "$program" | awk '$2 == "=>" { print $3 } $1 ~ "^/" { print $1 }'
  done
  ls "$lib"/libnss_dns.so.2 "$lib"/libnss_files.so.2 "$lib"/libresolv.so.2 2>/dev/null || true
} | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
printf 'root:x:0:0:root:/:/nonexistent\ntilgang:x:65532:65532::/var/lib/tilgang:/nonexistent\n' >"$root/etc/passwd"
printf 'root:x:0:\ntilgang:x:65532:\n' >"$root/etc/group"
# Checkouts come from an init container or a volume, which may belong to another user; nothing in them is executed.
printf '[safe]\n\tdirectory = *\n[core]\n\thooksPath = /nonexistent\n\tfsmonitor = false\n' >"$root/etc/gitconfig"
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/var/lib/tilgang"
chmod 0750 "$root/var/lib/tilgang"
