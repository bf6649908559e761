# darksieve with all that it needs; Snakemake runs inside.
#   docker build --tag darksieve .
#   docker run --rm --volume "$PWD:/work" darksieve --cores all
# On a cluster: apptainer build darksieve.sif docker-daemon://darksieve:latest
#   apptainer run --nv darksieve.sif --cores all
FROM python:3.11-slim

COPY pyproject.toml requirements.lock README.md LICENSE /opt/darksieve/
COPY src /opt/darksieve/src
WORKDIR /opt/darksieve
# the build of torch that the index gives; for a CPU alone add --index-url of its CPU builds to the first line
RUN pip install --no-cache-dir "$(sed -n 's/^ *"\(torch==[^"]*\)",*$/\1/p' pyproject.toml)" \
 && pip install --no-cache-dir --no-deps --require-hashes --requirement requirements.lock \
 && pip install --no-cache-dir --no-deps --no-build-isolation .

WORKDIR /work
ENTRYPOINT ["snakemake"]
