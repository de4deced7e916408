# Runs one virtual machine. Arguments:
#   FOLDER -- OWN... -- FILE... -- COMMAND...
# FOLDER: the machine's, where COMMAND runs; OWN and FILE: where to write to join control groups, for this process and
# for the machine's; COMMAND: what runs it.
folder=$1
shift 2
ended() {
    echo "$1" >"$folder/ended.new" && mv "$folder/ended.new" "$folder/ended"
    exit "$1"
}
while [ "$1" != -- ]; do
    echo 0 >"$1" || ended 70
    shift
done
shift
cd "$folder" || ended 70
(
    # Alone in its group, as the kernel wants it of groups that are divided further (version 2).
    while [ "$1" != -- ]; do
        echo 0 >"$1" || exit 70
        shift
    done
    shift
    exec "$@"
)
ended $?
