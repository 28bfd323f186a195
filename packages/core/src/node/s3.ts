import type { S3Client } from "@aws-sdk/client-s3";
import { importOptional } from "./optional-package.ts";

type Sdk = typeof import("@aws-sdk/client-s3");

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3Options {
  /** URL of the server. Without it, that of AWS in the region. */
  readonly endpoint?: string;
  /** `AWS_REGION`, or `us-east-1`, by default. */
  readonly region?: string;
  /** Puts the bucket into the path of the URL instead of the host. True by default with an endpoint. */
  readonly pathStyle?: boolean;
  /** Those that the SDK finds by default. */
  readonly credentials?: S3Credentials;
}

/** A client, and the SDK that it is of. */
export interface OpenedS3 {
  readonly sdk: Sdk;
  readonly client: S3Client;
}

/**
 * A client for an S3-compatible server, with the AWS SDK. Undefined if `@aws-sdk/client-s3` is installed neither beside
 * the module `from`, its `import.meta.url`, nor in the working directory.
 */
export async function openS3(options: S3Options, from: string): Promise<OpenedS3 | undefined> {
  const sdk = (await importOptional("@aws-sdk/client-s3", from)) as Sdk | undefined;
  if (sdk === undefined) return undefined;
  const { endpoint, region, pathStyle = endpoint !== undefined, credentials } = options;
  const client = new sdk.S3Client({
    region: region ?? process.env["AWS_REGION"] ?? "us-east-1",
    forcePathStyle: pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    // Many servers know no other checksums than those that S3 requires.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  return { sdk, client };
}
