"""What `cargo xtask stacks` leaves to Python: YAML, the schema of the real cloud-init, the schemas of Kubernetes.

Usage: python3 helper.py COMMAND; a JSON document on standard input, a JSON document on standard output.
"""

import json
import sys
import zlib


def unpack(user_data):
    """The cloud configuration in user data: itself, or base64 of gzip."""
    import base64
    import gzip

    if user_data.startswith("#"):
        return user_data
    try:
        return gzip.decompress(base64.b64decode(user_data, validate=True)).decode()
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"the user data is neither text nor base64 of gzip: {error}") from error


def cloud_config(texts):
    """Checks user data: [text…] to [{"errors": […], "document": …}…]."""
    import yaml
    from cloudinit.config import schema

    # Quiet, for what it finds is told by its exceptions.
    import logging
    logging.getLogger("cloudinit").setLevel(logging.CRITICAL)

    whole = schema.get_schema()
    # A key that no module of cloud-init knows is a mistake; its schema alone lets it pass.
    known = set(whole.get("properties", {}))
    for part in whole["$defs"].values():
        known.update(part.get("properties", {}))
    answers = []
    for text in texts:
        errors = []
        document = None
        try:
            text = unpack(text)
            if not text.startswith("#cloud-config\n"):
                errors.append("the first line is not #cloud-config")
            document = yaml.safe_load(text)
        except ValueError as error:
            errors.append(str(error))
        except yaml.YAMLError as error:
            errors.append(f"no YAML: {error}")
        if isinstance(document, dict):
            try:
                schema.validate_cloudconfig_schema(document, whole, strict=True)
            except schema.SchemaValidationError as error:
                errors.append(str(error))
            errors.extend(f"{key}: cloud-init has no such key" for key in document if key not in known)
        elif not errors:
            errors.append("no mapping")
        answers.append({"errors": errors, "document": document})
    return answers


def manifests(request):
    """Checks what kustomize made: {"text", "version", "schemas"} to {"errors", "own", "objects"}.

    `schemas` are those of resources that Kubernetes itself does not have, by apiVersion/kind; `own` counts the objects
    that were checked with them.
    """
    import jsonschema
    import kubernetes_validate
    import yaml

    errors = []
    own = {}
    objects = []
    try:
        objects = [item for item in yaml.safe_load_all(request["text"]) if item is not None]
    except yaml.YAMLError as error:
        errors.append(f"no YAML: {error}")
    for item in objects:
        name = "{}/{}".format(item.get("kind"), item.get("metadata", {}).get("name"))
        key = "{}/{}".format(item.get("apiVersion"), item.get("kind"))
        if key in request["schemas"]:
            own[key] = own.get(key, 0) + 1
            validator = jsonschema.Draft202012Validator(request["schemas"][key])
            for error in validator.iter_errors(item.get("spec")):
                path = ".".join(str(part) for part in ["spec", *error.absolute_path])
                errors.append(f"{name}: {path}: {error.message}")
        else:
            try:
                kubernetes_validate.validate(item, request["version"], strict=True)
            except kubernetes_validate.ValidationError as error:
                path = ".".join(str(part) for part in error.path)
                errors.append(f"{name}: {path}: {error.message}")
            except kubernetes_validate.SchemaNotFoundError:
                errors.append(f"{name}: neither Kubernetes nor crds.json has a schema of {key}")
        values = item.get("spec", {}).get("valuesContent") if item.get("apiVersion") == "helm.cattle.io/v1" else None
        if values is not None:
            try:
                item["spec"]["values"] = yaml.safe_load(values)
            except yaml.YAMLError as error:
                errors.append(f"{name}: the values of the chart are no YAML: {error}")
    # Dates are no JSON.
    return {"errors": errors, "own": own, "objects": json.loads(json.dumps(objects, default=str))}


def documents(texts):
    """Reads YAML: [text…] to [document…]. Every key is text, also the `on` of a workflow, which YAML 1.1 takes for true."""
    import yaml

    return [yaml.load(text, Loader=yaml.BaseLoader) for text in texts]


def programs(texts):
    """Checks programs in Python: [text…] to [fault or null…]."""
    faults = []
    for text in texts:
        try:
            compile(text, "program", "exec")
            faults.append(None)
        except (SyntaxError, ValueError) as error:
            faults.append(str(error))
    return faults


def main():
    commands = {"cloud-config": cloud_config, "documents": documents, "manifests": manifests, "programs": programs}
    command = commands[sys.argv[1]]
    json.dump(command(json.load(sys.stdin)), sys.stdout)


main()
