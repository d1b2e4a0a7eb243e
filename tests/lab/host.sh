#!/bin/bash
# host.sh: become one host of the lab. Called by lab.sh, always in a mount namespace of its own: every mount made
# here is gone when the host is.
#   host.sh layer PROFILE            freeze a profile (good, bad) that hosts are then laid over
#   host.sh boot HOST PROFILE MODE   overlay, identity, the profile's fault; then systemd-nspawn or a bare sshd
# The caller gives: RUN state of this lab, ROOTS cached roots, CGROUP of the lab, NETNS of the host, KERNEL uname -r.
set -euo pipefail
: "${RUN:?}" "${ROOTS:?}" "${CGROUP:?}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

parent_of() { sed -n 's/^# parent: //p' "$here/profiles/$1.sh"; }
is_root() { [ "$1" = base ] || [ "$1" = full ]; }

lower_of() { # the directories under a host, topmost first
  case $1 in
    base | full) echo "$ROOTS/$1" ;;
    *) echo "$RUN/layers/$1/upper:$(lower_of "$(parent_of "$1")")" ;;
  esac
}

mount_root() { # mount_root DIR LOWER
  mkdir -p "$1"/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
}

apply() { # apply ROOT PROFILE: run the profile's lines as root of that root, without network and services
  # shellcheck disable=SC2016  # expanded by the inner shell
  unshare --mount --net --pid --fork sh -euc '
    mount -t proc proc "$1/proc"
    mount -t tmpfs tmpfs "$1/mnt"
    mkdir "$1/mnt/assets" "$1/mnt/profiles"
    mount --bind "$2" "$1/mnt/assets"
    mount --bind "$3" "$1/mnt/profiles"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root DEBIAN_FRONTEND=noninteractive \
      chroot "$1" sh -euc ". /mnt/profiles/lib.sh; . /mnt/profiles/$4.sh"
  ' sh "$1" "$RUN/assets" "$here/profiles" "$2" </dev/null
}

identity() { # identity ROOT HOST: what no two hosts may share
  echo "$2" >"$1/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$2" >"$1/etc/hosts"
  : >"$1/etc/machine-id"
  ssh-keygen -q -t ed25519 -N '' -C "root@$2" -f "$1/etc/ssh/ssh_host_ed25519_key" </dev/null
}

systemd_host() { # systemd_host ROOT HOST
  # systemd wants a pure cgroup2 tree, whatever this machine has
  umount -R -l /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # machines of the same name in another lab, and locks left behind, are none of this one's business
  mkdir -p /run/systemd/nspawn
  mount -t tmpfs -o mode=755 tmpfs /run/systemd/nspawn
  exec systemd-nspawn --quiet --boot --directory="$1" --machine="$2" --register=no --keep-unit --console=pipe \
    --network-namespace-path="/run/netns/$NETNS" --capability=CAP_NET_ADMIN \
    --resolv-conf=off --timezone=off --link-journal=no
}

lite_host() { # lite_host ROOT HOST: no init system; PID 1 is a shell that reaps, beside it one sshd
  # shellcheck disable=SC2016  # expanded by the inner shell
  exec nsenter --net="/run/netns/$NETNS" unshare --pid --uts --ipc --fork sh -euc '
    hostname "$2"
    mount -t proc proc "$1/proc"
    mount -t sysfs -o ro sysfs "$1/sys"
    mount -t tmpfs -o mode=755 tmpfs "$1/run"
    mkdir "$1/run/sshd"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$1/dev/pts"
    ln -sf pts/ptmx "$1/dev/ptmx"
    if [ -e "$1/etc/systemd/system/sysinit.target.wants/nftables.service" ]; then
      chroot "$1" nft -f /etc/nftables.conf
    fi
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$1" sh -c "/usr/sbin/sshd -D -e & wait"
  ' sh "$1" "$2"
}

case $1 in
  layer)
    dir=$RUN/layers/$2.new
    mount_root "$dir" "$(lower_of "$(parent_of "$2")")"
    # the kernel that runs has no modules of its own: Debian's stand in for them
    [ -e "$dir/root/lib/modules/$KERNEL" ] || ln -s "$(ls "$dir/root/lib/modules")" "$dir/root/lib/modules/$KERNEL"
    apply "$dir/root" "$2"
    umount "$dir/root"
    mv "$dir" "$RUN/layers/$2"
    ;;
  boot)
    host=$2 profile=$3 mode=$4 dir=$RUN/hosts/$2
    echo $$ >"$CGROUP/$host/cgroup.procs"
    layer=$profile
    is_root "$(parent_of "$profile")" || layer=$(parent_of "$profile")
    mount_root "$dir" "$(lower_of "$layer")"
    identity "$dir/root" "$host"
    [ "$layer" = "$profile" ] || apply "$dir/root" "$profile"
    cp "$dir/root/etc/ssh/ssh_host_ed25519_key.pub" "$dir/hostkey.pub"
    "${mode}_host" "$dir/root" "$host"
    ;;
esac
