#!/bin/sh
# build_images.sh FOLDER REGISTRY: builds the example application and what is tried with it, and pushes the images.
#
# With a Docker daemon of its own, as the computer that builds images would have: the host's daemon has to fetch them. Its
# files are in memory, where it can stack layers instead of copying them.
set -eu

folder=$1
registry=$2
place=/run/builder

mkdir -p "$place"
echo '{}' >"$place/daemon.json"
systemd-run --quiet --unit=builder dockerd --config-file="$place/daemon.json" --data-root="$place/data" \
  --exec-root="$place/exec" --pidfile="$place/pid" --host="unix://$place/socket" --bridge=none --iptables=false \
  --containerd-namespace=builder --containerd-plugins-namespace=builder-plugins --insecure-registry="$registry"
trap 'systemctl stop builder.service; rm -rf "$place"' EXIT
export DOCKER_HOST="unix://$place/socket"
waited=0
until docker version >/dev/null 2>&1; do
  if [ "$waited" -ge 60 ]; then
    echo "The Docker daemon for building has not started after $waited seconds." >&2
    exit 1
  fi
  sleep 1
  waited=$((waited + 1))
done

# build TAG FOLDER ARGUMENTS
build() {
  tag=$registry/example:$1
  context=$2
  shift 2
  docker build --quiet --network=none --tag="$tag" "$@" "$context"
  docker push --quiet "$tag"
}

"$folder/base_image.sh" "$folder/wheels" python-here
build 1 "$folder/example-app" --build-arg=PYTHON=python-here --build-arg=VERSION=1
build 2 "$folder/example-app" --build-arg=PYTHON=python-here --build-arg=VERSION=2

# Its migration fails.
mkdir -p "$folder/broken"
cat >"$folder/broken/Dockerfile" <<DOCKERFILE
FROM $registry/example:2
COPY 0002_broken.py /app/notes/migrations/
DOCKERFILE
cat >"$folder/broken/0002_broken.py" <<'PYTHON'
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notes", "0001_initial")]
    operations = [migrations.RunSQL("ALTER TABLE no_such_table ADD COLUMN text")]
PYTHON
build broken "$folder/broken"

# It migrates and runs, but has no pages.
mkdir -p "$folder/sick"
cat >"$folder/sick/Dockerfile" <<DOCKERFILE
FROM $registry/example:2
COPY urls.py /app/example/
DOCKERFILE
echo 'urlpatterns = []' >"$folder/sick/urls.py"
build sick "$folder/sick"
