# igrules in one image: `serve` by default, `work` as a second container.
# It listens beyond the container, so make the first operator's key before the first start:
#   docker run --rm -v igrules:/data igrules admin bootstrap
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY igrules igrules
COPY schemas schemas
COPY rulesets rulesets
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[postgres,redis]'

FROM python:3.12-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels 'igrules[postgres,redis]' \
 && rm -rf /wheels \
 && useradd --create-home --home-dir /data --uid 10001 igrules
USER igrules
WORKDIR /data
VOLUME /data
EXPOSE 8080
ENV IGRULES_HOST=0.0.0.0 IGRULES_PORT=8080
ENTRYPOINT ["igrules"]
CMD ["serve"]
