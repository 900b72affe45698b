// A web application in its shortest form: says who it is, logs who asked.
const http = require("node:http");

const port = Number(process.argv[2]);

const server = http.createServer((request, response) => {
    console.error(`${request.method} ${request.url}`);
    response.setHeader("Content-Type", "text/plain");
    response.end(`hello from node, pid ${process.pid}\n`);
});

server.listen(port, "127.0.0.1", () => console.log(`node app listens on 127.0.0.1:${port}`));
