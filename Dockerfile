# Hualu 话路: the service and its production packages on Bun. Nobody has built it yet.
FROM oven/bun:1.4.5-alpine AS packages
WORKDIR /app
COPY package.json bun.lock ./
# The `bun` package is for those who start with npm; here Bun is there already.
RUN bun install --production --frozen-lockfile --ignore-scripts && rm -rf node_modules/bun node_modules/@oven

FROM oven/bun:1.4.5-alpine
WORKDIR /app
ENV NODE_ENV=production HUALU_DATA_DIR=/var/lib/hualu
RUN mkdir -p /var/lib/hualu && chown bun:bun /var/lib/hualu
COPY --from=packages /app/node_modules ./node_modules
COPY package.json tsconfig.json ./
COPY db ./db
COPY channels ./channels
COPY src ./src
USER bun
VOLUME /var/lib/hualu
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["bun", "-e", "const answer = await fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health`); process.exit(answer.ok ? 0 : 1);"]
CMD ["bun", "src/main.ts"]
