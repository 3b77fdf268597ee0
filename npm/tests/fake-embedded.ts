import { deflateRawSync } from "node:zlib";

export default deflateRawSync("the module").toString("base64");
