#!/bin/sh
# Creates a certificate authority for this deployment and the broker's certificate in deploy/tls/certificates (or the
# given folder). A further run renews the certificate and keeps the authority, so that clients need no change.
set -eu
folder=${1:-$(dirname "$0")/certificates}
mkdir -p "$folder"
cd "$folder"
umask 077
if [ ! -e ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj '/CN=Marquee broker authority' -keyout ca.key -out ca.crt 2>/dev/null
fi
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=broker' -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:broker,DNS:broker-2,DNS:broker-3,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' >server.ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -extfile server.ext -out server.crt 2>/dev/null
rm -f server.csr server.ext
chmod 755 .
chmod 644 ca.crt server.crt
# The broker runs as user 1000 and reads the key itself.
if [ "$(id -u)" = 0 ]; then chown 1000 server.key; elif [ "$(id -u)" != 1000 ]; then
  echo "server.key must be readable by user 1000: sudo chown 1000 $folder/server.key" >&2
fi
echo "Wrote the certificates to $folder; the broker's expires in 365 days. Put into .env: NATS_CONFIG=secure-tls,"
echo "deploy/tls/compose.yml in COMPOSE_FILE, and:"
printf 'NATS_TLS_CA="%s"\n' "$(cat ca.crt)"
