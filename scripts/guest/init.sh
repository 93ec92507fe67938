#!/bin/sh
# Process 1 of the guest. Its root is the host's, which may not be written to; it puts a writable one over it, moves
# there, runs one command, and switches the machine off. Beside it lie settings.sh and command.sh.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
here=$(dirname "$0")
. "$here/settings.sh" # repository=..., modules=...

# Everything that is written goes to memory and is gone with the machine.
insmod "$modules"/kernel/fs/overlayfs/overlay.ko*
mount -t tmpfs -o mode=755 scratch /mnt
mkdir /mnt/root /mnt/upper /mnt/work /mnt/repository
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work root /mnt/root
cd /mnt/root
mkdir -p "lib/modules/$(uname -r)"
mount --bind "./$modules" "lib/modules/$(uname -r)"
# What is in use on the host must not be seen here; the repository, which may lie there, must.
mount --bind "./$repository" /mnt/repository
for hidden in tmp run var/tmp; do mount -t tmpfs -o mode=1777 tmp "$hidden"; done
mkdir -p "./$repository"
mount -n --move /mnt/repository "./$repository"
cp "$here/command.sh" run/command.sh

mount -t devtmpfs dev dev
mkdir -p dev/pts dev/shm
mount -t devpts -o mode=620,ptmxmode=666 pts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
# What udev would make: the second loads its module when it is opened.
ln -sfn /proc/self/fd dev/fd
mkdir dev/net
mknod -m 666 dev/net/tun c 10 200
mount -t proc proc proc
mount -t sysfs sys sys
mount -t cgroup2 cgroup sys/fs/cgroup
mount -t tracefs trace sys/kernel/tracing
mount -t bpf bpf sys/fs/bpf

# pivot_root also moves the kernel's own threads: modprobe, which they start, must find the modules.
pivot_root . mnt
cd /
umount -l /mnt
hostname guest
modprobe virtio_net
ip link set lo up
# Otherwise every namespace gets a tunl0, sit0 and so on as soon as their modules are in: tests count their links.
echo 1 >/proc/sys/net/core/fb_tunnels_only_for_init_net

# The port carries what the command prints, then a mark with its exit status, and back a line that says it was read.
exec 3<>"$(echo /dev/vport*p1)"
status=0
sh /run/command.sh </dev/null >&3 2>&3 3>&- || status=$?
printf '\000%d\n' "$status" >&3
read -r _ <&3
echo o >/proc/sysrq-trigger
sleep 60
