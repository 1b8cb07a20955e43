# GO_IMAGE can be another image that holds the same Go, such as a mirror's.
ARG GO_IMAGE=golang:1.26
FROM ${GO_IMAGE} AS build
WORKDIR /src

# The modules change seldom: they get a layer of their own.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG VERSION=development
RUN CGO_ENABLED=0 go build -trimpath -tags nethttpomithttp2 -ldflags "-s -w -X main.version=${VERSION}" -o /out/source-intercom ./cmd/source-intercom

# scratch has no folder for temporary files, and the connector puts a company scroll that waits for
# stdout into one. Mode 1777, as everywhere: the platform may choose another user.
RUN mkdir -p /out/tmp /out/etc/ssl/certs && chmod 1777 /out/tmp && \
    cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/

# The binary is static and carries its time zones, so nothing else is needed.
FROM scratch
ARG VERSION=development
COPY --from=build /out/ /
COPY LICENSE /

# Airbyte looks for these.
LABEL io.airbyte.name="source-intercom/source-intercom" \
      io.airbyte.version="${VERSION}" \
      org.opencontainers.image.title="source-intercom" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV AIRBYTE_ENTRYPOINT="/source-intercom"

USER 65532:65532
ENTRYPOINT ["/source-intercom"]
