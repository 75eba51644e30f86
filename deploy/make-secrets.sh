#!/bin/sh
# Makes the passwords that deploy/compose.yaml needs, at random, in deploy/secrets. Those that are there stay.
# The folder is yours alone. The files in it can be read within their containers, whatever account runs there.
set -eu
umask 022
cd "$(dirname "$0")"
mkdir -p -m 700 secrets
chmod 700 secrets

random() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

if [ -e secrets/prefect-server.toml ]; then
    echo "deploy/secrets is there already: remove it to have other passwords"
    exit 0
fi
postgres=$(random) server=$(random) key=$(random) secret=$(random)
printf %s "$postgres" >secrets/postgres
# In quotes, as rclone takes what an environment variable says to be a list.
printf '"%s,%s"' "$key" "$secret" >secrets/s3-server
cat >secrets/s3-client <<END
[default]
aws_access_key_id = $key
aws_secret_access_key = $secret
END
cat >secrets/prefect-client.toml <<END
active = "fleet"

[profiles.fleet]
PREFECT_API_AUTH_STRING = "dreamsweep:$server"
END
# Last: what is there is whole.
cat >secrets/prefect-server.toml <<END
active = "fleet"

[profiles.fleet]
PREFECT_SERVER_API_AUTH_STRING = "dreamsweep:$server"
PREFECT_API_AUTH_STRING = "dreamsweep:$server"
PREFECT_SERVER_DATABASE_PASSWORD = "$postgres"
END
echo "made deploy/secrets: PREFECT_API_AUTH_STRING in prefect-client.toml is what Prefect's UI asks for"
