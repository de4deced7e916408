#!/bin/sh
# Drives the local cloud with the command-line tool hcloud: every command of version 1.30 that sends a request, with what must
# be seen afterwards and the errors that it must report.
#
# Environment: HCLOUD_ENDPOINT, HCLOUD_TOKEN. The first argument is a directory for files, which must be empty.
set -eu

dir=${1:?a directory for files}
# Whatever contexts somebody has are not for this.
export HCLOUD_CONFIG="$dir/cli.toml"

fail() {
    printf 'failed: %s\n' "$*" >&2
    exit 1
}

# The tool, asking for the end of actions more often than it would.
h() {
    hcloud --poll-interval 10ms "$@" >"$dir/said" 2>&1 || {
        cat "$dir/said" >&2
        fail "hcloud $*"
    }
}

# is EXPECTED COMMAND…: what the command prints.
is() {
    expected=$1
    shift
    h "$@"
    said=$(cat "$dir/said")
    [ "$said" = "$expected" ] || fail "hcloud $*: said '$said', not '$expected'"
}

# is_now EXPECTED KIND OBJECT TEMPLATE: a field of an object.
is_now() { is "$1" "$2" describe "$3" -o "format=$4"; }

# refused CODE COMMAND…: the tool reports an error with this code or text.
refused() {
    code=$1
    shift
    if hcloud --poll-interval 10ms "$@" >"$dir/said" 2>&1; then
        fail "hcloud $*: worked, but $code was expected"
    fi
    grep -q -F -- "$code" "$dir/said" || fail "hcloud $*: $code was expected, said: $(cat "$dir/said")"
}

# What belongs to nobody.
h location list
is_now eu-central location fsn1 '{{.NetworkZone}}'
h server-type list
is_now 2 server-type cx23 '{{.Cores}}'
h load-balancer-type list
is_now 5 load-balancer-type lb11 '{{.MaxServices}}'
h iso list
iso=$(hcloud iso list -o noheader -o columns=name | head -n 1)
is_now "$iso" iso "$iso" '{{.Name}}'
h image list
is_now ubuntu image ubuntu-24.04 '{{.OSFlavor}}'
refused deprecated_api_endpoint datacenter list

# Keys and groups.
ssh-keygen -q -t ed25519 -N '' -C test -f "$dir/key"
h ssh-key create --name key --public-key-from-file "$dir/key.pub" --label a=b
refused uniqueness_error ssh-key create --name key --public-key-from-file "$dir/key.pub"
h ssh-key update key --name login
h ssh-key add-label login c=d
h ssh-key remove-label login a
is 'map[c:d]' ssh-key describe login -o 'format={{.Labels}}'
h ssh-key list --selector c=d
h placement-group create --name group --type spread
h placement-group update group --name spread
h placement-group add-label spread a=b
h placement-group remove-label spread a
h placement-group list

# A network with its parts.
h network create --name net --ip-range 10.0.0.0/16
refused uniqueness_error network create --name net --ip-range 10.0.0.0/16
h network add-subnet net --type cloud --network-zone eu-central --ip-range 10.0.1.0/24
h network add-subnet net --type cloud --network-zone eu-central --ip-range 10.0.2.0/24
h network remove-subnet net --ip-range 10.0.2.0/24
h network add-route net --destination 10.100.0.0/16 --gateway 10.0.1.9
h network add-route net --destination 10.101.0.0/16 --gateway 10.0.1.9
h network remove-route net --destination 10.101.0.0/16 --gateway 10.0.1.9
is_now '1 1' network net '{{len .Subnets}} {{len .Routes}}'
h network change-ip-range net --ip-range 10.0.0.0/15
h network update net --name private
h network add-label private a=b
h network remove-label private a
h network enable-protection private delete
refused protected network delete private
h network disable-protection private delete
h network list

# A firewall and its rules.
h firewall create --name wall
h firewall add-rule wall --direction in --protocol tcp --port 22 --source-ips 0.0.0.0/0
h firewall add-rule wall --direction in --protocol tcp --port 80 --source-ips 0.0.0.0/0
h firewall delete-rule wall --direction in --protocol tcp --port 80 --source-ips 0.0.0.0/0
is_now 22 firewall wall '{{range .Rules}}{{.Port}}{{end}}'
printf '%s\n' '[{"direction": "in", "protocol": "icmp", "source_ips": ["::/0"]}]' >"$dir/rules.json"
h firewall replace-rules wall --rules-file "$dir/rules.json"
is_now icmp firewall wall '{{range .Rules}}{{.Protocol}}{{end}}'
h firewall update wall --name gate
h firewall add-label gate a=b
h firewall remove-label gate a
h firewall list

# A server and everything that can be done to it.
h volume create --name data --size 10 --location fsn1 --format ext4
h server create --name web --type cx23 --image ubuntu-24.04 --location fsn1 --ssh-key login --network private \
    --firewall gate --placement-group spread --volume data --label role=web
refused uniqueness_error server create --name web --type cx23 --image ubuntu-24.04
refused invalid_input server create --name 'not a name' --type cx23 --image ubuntu-24.04
is_now 'running 1 1' server web '{{.Status}} {{len .PrivateNet}} {{len .Volumes}}'
h server ip web
h server list --selector role=web
is web server list -o noheader -o columns=name
refused resource_in_use firewall delete gate
h server update web --name www
h server add-label www a=b
h server remove-label www a
h server poweroff www
is_now off server www '{{.Status}}'
h server poweron www
h server shutdown www
h server poweron www
h server reboot www
h server reset www
refused server_not_stopped server change-type www cx33
h server shutdown www
h server change-type www cx33 --keep-disk
is_now 'cx33 40' server www '{{.ServerType.Name}} {{.PrimaryDiskSize}}'
h server remove-from-placement-group www
h server add-to-placement-group www --placement-group spread
h server poweron www
h server reset-password www
h server enable-rescue www --ssh-key login
h server disable-rescue www
h server attach-iso www "$iso"
is_now "$iso" server www '{{.ISO.Name}}'
h server detach-iso www
h server enable-backup www
h server create-image www --type snapshot --description snap --label kind=snap
snapshot=$(hcloud image list --type snapshot -o noheader -o columns=id)
h image update "$snapshot" --description 'after a while'
h image add-label "$snapshot" a=b
h image remove-label "$snapshot" a
h image enable-protection "$snapshot" delete
refused protected image delete "$snapshot"
h image disable-protection "$snapshot" delete
h server disable-backup www
h server rebuild www --image "$snapshot"
is_now "$snapshot" server www '{{.Image.ID}}'
h server change-alias-ips www --network private --alias-ips 10.0.1.50,10.0.1.51
is_now '[10.0.1.50 10.0.1.51]' server www '{{(index .PrivateNet 0).Aliases}}'
h server detach-from-network www --network private
refused invalid_input server attach-to-network www --network private --ip 172.16.0.1
h server attach-to-network www --network private --ip 10.0.1.20
is_now 10.0.1.20 server www '{{(index .PrivateNet 0).IP}}'
address=$(hcloud server ip www)
h server set-rdns www --ip "$address" --hostname www.example.com
is_now www.example.com server www '{{.PublicNet.IPv4.DNSPtr}}'
h server metrics www --type cpu -o json
h server request-console www
h server enable-protection www delete rebuild
refused protected server delete www
refused protected server rebuild www --image ubuntu-24.04
h server disable-protection www delete rebuild
h firewall remove-from-resource gate --type server --server www
h firewall apply-to-resource gate --type server --server www
refused 'server not found' server describe 1

# Volumes.
h volume detach data
refused invalid_input volume resize data --size 5
h volume resize data --size 20
is_now 20 volume data '{{.Size}}'
h volume attach data --server www
h volume update data --name disk
h volume add-label disk a=b
h volume remove-label disk a
h volume enable-protection disk delete
refused protected volume delete disk
h volume disable-protection disk delete
h volume list

# Addresses. This version of the tool can only ask for a primary IP in a datacenter, which there are no more; a server has one.
h server create --name bare --type cx23 --image debian-12 --location fsn1 --start-after-create=false
is_now off server bare '{{.Status}}'
bare=$(hcloud server describe bare -o 'format={{.ID}}')
own=$(hcloud server describe bare -o 'format={{.PublicNet.IPv4.ID}}')
is_now "$bare" primary-ip "$own" '{{.AssigneeID}}'
h primary-ip update "$own" --name own
h primary-ip unassign own
is_now 0 primary-ip own '{{.AssigneeID}}'
h primary-ip assign own --server bare
h primary-ip update own --name address
address=$(hcloud primary-ip describe address -o 'format={{.IP}}')
h primary-ip set-rdns address --ip "$address" --hostname a.example.com
h primary-ip enable-protection address
refused protected primary-ip delete address
h primary-ip disable-protection address
h primary-ip list
h floating-ip create --name float --type ipv4 --home-location fsn1
h floating-ip assign float bare
is_now "$bare" floating-ip float '{{.Server.ID}}'
h floating-ip unassign float
h floating-ip update float --name free --description 'for a while'
address=$(hcloud floating-ip describe free -o 'format={{.IP}}')
h floating-ip set-rdns free --ip "$address" --hostname f.example.com
is_now "map[$address:f.example.com]" floating-ip free '{{.DNSPtr}}'
h floating-ip add-label free a=b
h floating-ip remove-label free a
h floating-ip enable-protection free delete
refused protected floating-ip delete free
h floating-ip disable-protection free delete
h floating-ip list

# Certificates.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=www.example.com \
    -addext subjectAltName=DNS:www.example.com -keyout "$dir/tls.key" -out "$dir/tls.pem" 2>"$dir/said"
h certificate create --name tls --cert-file "$dir/tls.pem" --key-file "$dir/tls.key"
refused invalid_input certificate create --name bad --cert-file "$dir/tls.key" --key-file "$dir/tls.key"
# Nobody has delegated the domain to the local cloud's name servers, so its issuance fails, as it would for a stranger's.
refused dns_zone_not_found certificate create --name managed --type managed --domain example.com
h certificate update tls --name www
h certificate add-label www a=b
h certificate remove-label www a
h certificate list

# A load balancer.
certificate=$(hcloud certificate describe www -o 'format={{.ID}}')
h load-balancer create --name lb --type lb11 --location fsn1
h load-balancer attach-to-network lb --network private --ip 10.0.1.30
h load-balancer add-service lb --protocol https --http-certificates "$certificate" --http-redirect-http
h load-balancer add-service lb --protocol tcp --listen-port 22 --destination-port 22
h load-balancer update-service lb --listen-port 22 --destination-port 2222
h load-balancer delete-service lb --listen-port 22
is_now '443 ' load-balancer lb '{{range .Services}}{{.ListenPort}} {{end}}'
h load-balancer add-target lb --server www --use-private-ip
refused target_already_defined load-balancer add-target lb --server www --use-private-ip
h load-balancer add-target lb --label-selector role=web
h load-balancer remove-target lb --label-selector role=web
is_now 'server ' load-balancer lb '{{range .Targets}}{{.Type}} {{end}}'
h load-balancer remove-target lb --server www
h load-balancer change-algorithm lb --algorithm-type least_connections
h load-balancer change-type lb lb21
h load-balancer update lb --name front
address=$(hcloud load-balancer describe front -o 'format={{.PublicNet.IPv4.IP}}')
h load-balancer set-rdns front --ip "$address" --hostname lb.example.com
h load-balancer disable-public-interface front
h load-balancer enable-public-interface front
h load-balancer metrics front --type open_connections -o json
h load-balancer add-label front a=b
h load-balancer remove-label front a
h load-balancer enable-protection front delete
refused protected load-balancer delete front
h load-balancer disable-protection front delete
h load-balancer list
h load-balancer detach-from-network front --network private

# And all of it away.
h load-balancer delete front
h certificate delete www
h certificate delete managed
h floating-ip delete free
h firewall remove-from-resource gate --type server --server www
h server delete www
h server delete bare
h primary-ip delete address
h volume delete disk
h image delete "$snapshot"
h firewall delete gate
h network delete private
h placement-group delete spread
h ssh-key delete login
for kind in certificate firewall floating-ip load-balancer network placement-group primary-ip server ssh-key volume; do
    is '' "$kind" list -o noheader
done
is '' image list --type snapshot -o noheader
printf 'all steps done\n'
