#!/bin/sh
# Installs Debian packages for the tests, as root, asking nothing and starting nothing. Arguments: package names.
set -u
export DEBIAN_FRONTEND=noninteractive
undo=""
trap 'for f in $undo; do rm -f "$f"; done' EXIT

# Services of the new packages stay stopped: the tests start their own servers and stop them again.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    undo="$undo /usr/sbin/policy-rc.d"
fi

apt-get update -qq || echo "apt-get update failed; trying with the lists that are here" >&2

# PostgreSQL makes a default cluster when it is installed, unless this file says otherwise.
case " $* " in
*" postgresql "*)
    apt-get install -y -qq --no-install-recommends postgresql-common || exit 1
    mkdir -p /etc/postgresql-common/createcluster.d
    no_cluster=/etc/postgresql-common/createcluster.d/zz-ronda-tests.conf
    echo "create_main_cluster = false" >"$no_cluster"
    undo="$undo $no_cluster"
    ;;
esac
apt-get install -y -qq --no-install-recommends "$@" || exit 1

# A server that starts with the machine is nobody's wish who runs tests.
case " $* " in
*" nats-server "*) deb-systemd-helper disable nats-server.service >/dev/null 2>&1 || true ;;
esac
