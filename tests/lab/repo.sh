#!/bin/bash
# repo.sh OUT: two signed APT repositories that hosts of the lab take for Debian and Debian-Security.
#   OUT/repo/{debian,debian-security}  fresh: dated now, valid for a week
#   OUT/repo/stale                     the security repository as it was 60 days ago, no longer valid
#   OUT/hc-demo_1.0-1_all.deb          the old release of a package of which debian-security holds a fix
#   OUT/keyring.gpg                    the throw-away key that signed them; its secret half is gone afterwards
set -euo pipefail
out=$1
codename=bookworm
work=$(mktemp -d)
export GNUPGHOME=$work/gpg
trap 'gpgconf --kill all; rm -rf "$work"' EXIT

package() { # package VERSION FILE
  mkdir -p "$work/pkg/DEBIAN" "$work/pkg/usr/share/hc-demo"
  printf '%s\n' "$1" >"$work/pkg/usr/share/hc-demo/version"
  printf '%s\n' 'Package: hc-demo' "Version: $1" 'Architecture: all' 'Section: net' 'Priority: optional' \
    'Maintainer: hardencheck lab <lab@example.invalid>' 'Description: stand-in for a package with a security fix' \
    >"$work/pkg/DEBIAN/control"
  dpkg-deb --root-owner-group --build "$work/pkg" "$2" >/dev/null
}

release() { # release REPO CODENAME SUITE LABEL AGE_DAYS: index and sign; valid for 7 days from its date
  local dist=$1/dists/$2 date until
  date=$(date -u -d "-$5 days" '+%a, %d %b %Y %H:%M:%S UTC')
  until=$(date -u -d "-$5 days +7 days" '+%a, %d %b %Y %H:%M:%S UTC')
  mkdir -p "$dist/main/binary-$arch" "$1/pool"
  (cd "$1" && apt-ftparchive packages pool) >"$dist/main/binary-$arch/Packages"
  apt-ftparchive -o APT::FTPArchive::Release::Origin=Debian -o "APT::FTPArchive::Release::Label=$4" \
    -o "APT::FTPArchive::Release::Suite=$3" -o "APT::FTPArchive::Release::Codename=$2" \
    -o APT::FTPArchive::Release::Components=main -o "APT::FTPArchive::Release::Architectures=$arch" \
    release "$dist" | sed "s/^Date: .*/Date: $date\nValid-Until: $until/" >"$work/Release"
  gpg --batch --quiet --faked-system-time "$(date -u -d "-$5 days" +%Y%m%dT%H%M%S)" \
    --clearsign --output "$dist/InRelease" "$work/Release" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
  touch -d "-$5 days" "$dist/InRelease"
}

arch=$(dpkg --print-architecture)
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --faked-system-time "$(date -u -d '-1 year' +%Y%m%dT%H%M%S)" \
  --quick-gen-key 'hardencheck lab, throw-away <lab@example.invalid>' ed25519 sign never 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
gpg --batch --export --output "$out/keyring.gpg"

mkdir -p "$out"/repo/{debian,debian-security,stale}/pool
package 1.0-1 "$out/hc-demo_1.0-1_all.deb"
cp "$out/hc-demo_1.0-1_all.deb" "$out/repo/debian/pool/"
package 1.0-1+deb12u1 "$out/repo/debian-security/pool/hc-demo_1.0-1+deb12u1_all.deb"
cp -r "$out/repo/debian-security/pool" "$out/repo/stale/"
release "$out/repo/debian" "$codename" oldstable Debian 0
release "$out/repo/debian-security" "$codename-security" oldstable-security Debian-Security 0
release "$out/repo/stale" "$codename-security" oldstable-security Debian-Security 60
chmod -R a+rX "$out/repo" "$out/keyring.gpg"
