// node-media-server as a destination for tests: accepts any stream on /live, by RTMP alone.
// usage: node serve.js FOLDER PORT    FOLDER holds the node_modules that scripts/setup test installed;
// state is kept in the current folder. End: SIGTERM.
"use strict";
const path = require("node:path");
const [folder, port] = process.argv.slice(2);
const NodeMediaServer = require(path.join(folder, "node_modules", "node-media-server"));
new NodeMediaServer({
  bind: "127.0.0.1",
  rtmp: { port: Number(port) },
  auth: { play: false, publish: false },
  store: { path: path.resolve("data") },
  record: { auto: false },
}).run();
