# syntax=docker/dockerfile:1
# Rehearsed without Docker by `npm run rehearse:image`; keep the two alike.

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json nest-cli.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8081 \
    DATA_DIR=/data
WORKDIR /app
COPY package.json LICENSE NOTICE ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# The image's own user `node` (uid 1000) owns the data and nothing else.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node is process 1: it gets the signals itself, and its exit code is the container's. A young generation of 32 MiB instead of
# 16 takes 6 % off the processor time of a claim and a completion, for up to 48 MiB of memory.
ENTRYPOINT ["node", "--max-semi-space-size=32", "dist/main.js"]
