#!/bin/sh
# base_image.sh WHEELS IMAGE: stands for python:3.12-slim where no registry of the internet is reached: this machine's own
# Python with pip, which installs from the folder of wheels.
set -eu

wheels=$1
image=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# Everybody in the container goes through it.
chmod 0755 "$root"

python=$(readlink -f /usr/bin/python3)
version=${python##*/}
modules=/usr/lib/$version
mkdir -p "$root/bin" "$root/usr/bin" "$root/usr/lib" "$root/usr/local/bin" "$root/usr/local/lib" "$root/etc" "$root/tmp"
chmod 1777 "$root/tmp"
cp -a "$python" "$root/usr/bin/"
cp "$(readlink -f /bin/sh)" "$root/bin/sh"
cp -a "$modules" "$root/usr/lib/"
rm -rf "$root$modules/EXTERNALLY-MANAGED" "$root$modules/test"
# The C library loads that of GCC by itself when a thread is ended early, as one that still runs is when Python ends.
{
  for program in "$python" /bin/sh "$modules"/lib-dynload/*.so; do ldd "$program"; done
  /sbin/ldconfig -p | grep libgcc_s
} | grep -o '/[^ ]*\.so[^ ]*' | sort -u |
  while read -r library; do
    mkdir -p "$root${library%/*}"
    cp -L "$library" "$root$library"
  done
cp /etc/passwd /etc/group "$root/etc/"
ln -s "../../bin/$version" "$root/usr/local/bin/python3"
ln -s python3 "$root/usr/local/bin/python"

cp -R "$wheels" "$root/wheels"
mkdir -p "$root/usr/local/lib/$version/dist-packages"
python3 -m zipfile -e "$wheels"/pip-*.whl "$root/usr/local/lib/$version/dist-packages"
# shellcheck disable=SC2016 # For the container's shell.
printf '#!/bin/sh\nexec python3 -m pip "$@"\n' >"$root/usr/local/bin/pip"
chmod 0755 "$root/usr/local/bin/pip"

tar -C "$root" --owner=0 --group=0 -c . |
  docker import --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' \
    --change 'ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_ROOT_USER_ACTION=ignore' - "$image"
