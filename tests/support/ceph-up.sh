#!/bin/bash
# A real S3 server for tests: one-node Ceph (monitor, OSD with objects in memory, RADOS gateway).
# No systemd, no root, nothing read or written outside DIR; everything listens on 127.0.0.1.
#
#   ceph-up.sh DIR PORT MSGR2 MSGR1   make a fresh cluster in DIR: S3 on PORT, the monitor on the other two
#   ceph-up.sh --down DIR             stop every daemon of DIR by its pid; DIR itself stays for the logs
#
# DIR is empty, missing, or one this script made before (that one is wiped), and at most 75 characters long,
# because a unix socket path below it must stay under 108. The OSD picks free ports in 6800-7300.
# Environment: S3_ACCESS_KEY, S3_SECRET_KEY  credentials of the user made
#              OWNER_PID    the cluster stops when this process is gone
# Exit: 0 up or stopped; 1 failed (what had started is stopped again; see DIR/log); 2 usage.
# Debian packages: radosgw ceph-mon ceph-osd. Every wait below is bounded.
set -euo pipefail

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2; }
say()   { echo "ceph-up: ${SECONDS}s $*" >&2; }
die()   { say "$*"; exit 1; }
uuid()  { cat /proc/sys/kernel/random/uuid; }

# True when the gateway on port $1 answers HTTP.
answers() {
  ( exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET / HTTP/1.0\r\n\r\n' >&3 &&
    IFS= read -r -t 5 -u 3 line && [[ $line == HTTP/* ]] ) 2>/dev/null
}

# A pid from a pid file counts only if that process was started with this DIR: a reused pid is never signalled.
ours() {
  [[ $1 =~ ^[0-9]+$ && -r /proc/$1/cmdline ]] || return 1
  tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -e "-c $D/ceph.conf " -e "--watch $D "
}

# Stop gateway, then OSD, then monitor (reverse of the start). Nothing is kept, so SIGTERM gets 2 s only.
down() {
  local name pid i
  for name in watch client.rgw osd.0 mon.a; do
    pid=$(cat "$D/run/$name.pid" 2>/dev/null || true)
    if [[ $pid != "$$" ]] && ours "${pid:-none}"; then
      kill -TERM "$pid" 2>/dev/null || true
      for ((i = 0; i < 20; i++)); do ours "$pid" || break; sleep .1; done
      if ours "$pid"; then kill -KILL "$pid" 2>/dev/null || true; fi
    fi
    rm -f "$D/run/$name.pid"
  done
}

# Background guard: ends the cluster when its owner or its directory is gone.
watch() {
  echo $$ >"$D/run/watch.pid"
  while sleep 2; do
    [[ -f $D/ceph.conf ]] || exit 0
    if [[ ! -d /proc/$OWNER ]]; then down; exit 0; fi
  done
}

SELF=$(realpath "$0"); OWNER=${OWNER_PID:-}
AK=${S3_ACCESS_KEY:-test}; SK=${S3_SECRET_KEY:-testsecret}
export PATH=$PATH:/usr/sbin

case ${1:-} in
  --down|--watch)
    [[ $# == 2 ]] || usage
    D=$(realpath -m "$2")
    [[ -f $D/ceph.conf ]] || die "$D was not made by this script"
    "${1#--}"; exit 0;;
esac

[[ $# == 4 && $2 =~ ^[0-9]+$ && $3 =~ ^[0-9]+$ && $4 =~ ^[0-9]+$ ]] || usage
D=$(realpath -m "$1"); P=$2; V2=127.0.0.1:$3; V1=127.0.0.1:$4; C=(-c "$D/ceph.conf")
((${#D} <= 75)) || die "DIR is too long for a unix socket path: $D"

# 1. A clean directory: only our own may be wiped, after its daemons are stopped.
if [[ -d $D && -n $(ls -A "$D") ]]; then
  [[ -f $D/ceph.conf && -d $D/run ]] || die "$D is not empty and not ours"
  down; rm -rf "$D"
fi
mkdir -p "$D"/{mon/a,osd/0,run,log,rgw}
chmod 700 "$D"

# 2. One configuration file for every daemon.
FSID=$(uuid)
cat >"$D/ceph.conf" <<E
[global]
fsid = $FSID
mon host = [v2:$V2,v1:$V1]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
# cephx keys stay on: with auth = none the gateway hangs
keyring = $D/keyring
auth allow insecure global id reclaim = true
# one copy on one OSD
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
mon warn on pool no redundancy = false
osd crush chooseleaf type = 0
# few placement groups, no autoscaler: pools are made fast
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
# do not stop because the test disk is nearly full
mon data avail warn = 1
mon data avail crit = 1
osd objectstore = memstore
memstore device bytes = 8589934592
osd max object name len = 256
osd max object namespace len = 64
# everything under DIR
run dir = $D/run
pid file = $D/run/\$name.pid
admin socket = $D/run/\$name.asok
log file = $D/log/\$name.log
mon data = $D/mon/\$id
osd data = $D/osd/\$id
rgw data = $D/rgw
[client.rgw]
# tcp_nodelay=1: without it every call costs 40 ms
rgw frontends = beast endpoint=127.0.0.1:$P tcp_nodelay=1
rgw dns name = localhost
rgw thread pool size = 32
E
trap 'say "failed: see $D/log"; down' EXIT

# 3. The first monitor map and one key per role, all in one keyring.
monmaptool --create --fsid "$FSID" --addv a "[v2:$V2,v1:$V1]" "$D/monmap" >/dev/null
key() { ceph-authtool "$@" --gen-key >/dev/null; }
key --create-keyring "$D/keyring" -n mon.         --cap mon 'allow *'
key "$D/keyring" -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
key "$D/keyring" -n client.rgw   --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
key "$D/keyring" -n osd.0        --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'

# 4. Monitor first: it holds the cluster map. Every daemon forks into the background and writes DIR/run/NAME.pid.
timeout 30 ceph-mon "${C[@]}" --mkfs -i a --monmap "$D/monmap" --keyring "$D/keyring" </dev/null
timeout 30 ceph-mon "${C[@]}" -i a </dev/null >/dev/null || die "monitor did not start"
say "monitor up"

# 5. Register OSD id 0 under its own uuid (the first proof of a working monitor), format its store, start it.
OSD=$(uuid)
timeout 60 ceph "${C[@]}" osd new "$OSD" >/dev/null || die "monitor does not answer"
timeout 60 ceph-osd "${C[@]}" -i 0 --mkfs --osd-uuid "$OSD" </dev/null >"$D/log/mkfs.out" 2>&1 ||
  die "OSD format failed"
timeout 60 ceph-osd "${C[@]}" -i 0 </dev/null >/dev/null 2>&1 || die "OSD did not start"
say "OSD up"

# 6. The gateway makes its metadata pools on the first start (about 9 s); forking returns when it has.
timeout 120 radosgw "${C[@]}" -n client.rgw </dev/null >/dev/null 2>&1 || die "gateway did not start"
ok=
for ((i = 0; i < 120; i++)); do if answers "$P"; then ok=1; break; fi; sleep .5; done
[[ $ok ]] || die "gateway does not answer on port $P"

# 7. One S3 user with known keys.
timeout 120 radosgw-admin "${C[@]}" user create --uid=pacs --display-name=pacs \
  --access-key="$AK" --secret-key="$SK" >"$D/log/user.json" 2>"$D/log/user.err" || die "user not made"
say "gateway answers, user made"
trap - EXIT
if [[ -n $OWNER ]]; then setsid -f "$SELF" --watch "$D" </dev/null >/dev/null 2>&1; fi
