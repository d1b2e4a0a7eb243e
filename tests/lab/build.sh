#!/bin/bash
# build.sh OUT: make the two cached root file systems, with nothing but this machine's own Debian mirror.
#   OUT/base   minimal Debian: systemd, sshd, sudo, nft, and a small real kernel module tree
#   OUT/full   the same with the hardening packages
# lab.sh runs it in private mount and pid namespaces, so an interrupted build leaves no mount and no process.
set -euo pipefail
out=$1

SUITE=${HARDENCHECK_LAB_SUITE:-bookworm}
ARCH=$(dpkg --print-architecture)
RECIPE=4                        # raise it when the steps below change what comes out
BASE_PACKAGES="linux-base systemd systemd-sysv dbus openssh-server sudo iproute2 nftables python3 python3-apt
  kmod procps ca-certificates iputils-ping less netbase login passwd cron gpgv"
FULL_PACKAGES="libpam-pwquality cracklib-runtime auditd aide aide-common usbguard unattended-upgrades rsyslog
  fail2ban python3-systemd chrony at acl iptables ufw firewalld clamav-daemon clamav-freshclam autofs dconf-cli
  opendoas pamtester nfs-kernel-server openscap-scanner ssg-debian lynis"
# Enough of Debian's kernel modules for `modprobe -n -v usb-storage` to answer as on a real desk.
MODULES=(
  './lib/modules/*/modules.*'
  './lib/modules/*/kernel/drivers/usb/common/*'
  './lib/modules/*/kernel/drivers/usb/core/*'
  './lib/modules/*/kernel/drivers/usb/storage/*'
  './lib/modules/*/kernel/drivers/scsi/scsi_mod.ko'
  './lib/modules/*/kernel/drivers/scsi/scsi_common.ko'
)

if [ "$out" = --key ]; then     # names the cache: the same key means the same roots
  printf '%s\n' "$RECIPE" "$SUITE" "$ARCH" "$BASE_PACKAGES" "$FULL_PACKAGES" "${MODULES[*]}" | sha256sum | cut -c1-12
  exit
fi

mirror() { # mirror LABEL: where this machine itself gets that part of Debian from
  # shellcheck disable=SC2016  # the $(...) is apt's own format language
  apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n "s/^$1|//p" | head -n 1
}

machine_apt() { # what this machine's administrator decided about proxies and dates holds for the build too
  apt-config dump Acquire | grep -E '^Acquire::(Check-Valid-Until|Check-Date|https?::Proxy)' || true
  printf 'Acquire::Retries "5";\nAcquire::Languages "none";\nDPkg::Lock::Timeout "400";\n'
}

build_base() {
  local debian security
  debian=$(mirror Debian)
  security=$(mirror Debian-Security)
  [ -n "$debian" ] || { echo "build.sh: no Debian mirror in this machine's apt sources (apt-get update?)" >&2; exit 1; }
  machine_apt >"$out/apt.conf"
  {
    printf 'deb %s %s main\n' "$debian" "$SUITE" "$debian" "$SUITE-updates"
    [ -z "$security" ] || printf 'deb %s %s-security main\n' "$security" "$SUITE"
  } | mmdebstrap --variant=minbase --include="$BASE_PACKAGES" --aptopt="$out/apt.conf" \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    "$SUITE" "$out/base" -
}

in_full() { # in_full CMD...
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} chroot "$out/full" "$@"
}

build_full() {
  cp -a --reflink=auto "$out/base" "$out/full"
  mount -t proc proc "$out/full/proc"
  mount -t tmpfs tmpfs "$out/full/run"
  mount -t tmpfs tmpfs "$out/full/tmp"
  cp /etc/resolv.conf "$out/full/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' >"$out/full/usr/sbin/policy-rc.d"    # installing starts no service
  chmod 755 "$out/full/usr/sbin/policy-rc.d"
  in_full apt-get -q update
  # shellcheck disable=SC2086  # a list of words
  in_full apt-get -q install -y --no-install-recommends $FULL_PACKAGES
  # installed, not in use: profiles turn on what they need
  in_full systemctl -q disable ufw firewalld clamav-daemon clamav-freshclam autofs nfs-server rpcbind \
    rpcbind.socket nfs-client.target lynis.timer atd
  fetch_modules
  umount "$out"/full/{tmp,run,proc}
}

fetch_modules() { # Debian's current kernel modules, only those the rules look at
  local image
  image=$(in_full apt-cache depends "linux-image-$ARCH" | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ {print $2; exit}')
  in_full sh -c "cd /tmp && apt-get -q -o APT::Sandbox::User=root download $image"
  mkdir "$out/modules"
  dpkg-deb --fsys-tarfile "$out"/full/tmp/linux-image-[0-9]*.deb | tar -x -C "$out/modules" --wildcards "${MODULES[@]}"
}

install_modules() { # into both roots, indexed by their own depmod
  local root
  for root in "$out/base" "$out/full"; do
    mkdir -p "$root/usr/lib/modules"
    cp -a "$out"/modules/lib/modules/* "$root/usr/lib/modules/"
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" depmod "$(ls "$root/usr/lib/modules")"
  done
}

clean() { # nothing of this machine, nothing that hosts would share, nothing half done
  local root
  for root in "$out/base" "$out/full"; do
    rm -rf "$root"/etc/ssh/ssh_host_* "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* \
      "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$root"/etc/resolv.conf \
      "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/apt/* "$root"/usr/sbin/policy-rc.d
    : >"$root/etc/machine-id"
    find "$root/var/log" -type f -delete
  done
}

mkdir -p "$out"
build_base
build_full
install_modules
clean
rm -rf "$out/apt.conf" "$out/modules"
