import { toNextHandler } from "holdfast/next-js";
import { registry } from "../../../../src/registry.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = toNextHandler(registry);
