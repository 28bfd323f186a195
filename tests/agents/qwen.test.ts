import { drivenSuite } from "./support/driven-suite.ts";

drivenSuite({ id: "qwen", callsMcpTools: false, tellsSkills: true });
