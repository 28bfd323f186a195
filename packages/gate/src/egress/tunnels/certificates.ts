import { randomBytes } from "node:crypto";
import { BitString, Integer, OctetString, Utf8String } from "asn1js";
import {
  AltName,
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralSubtree,
  id_AuthorityKeyIdentifier,
  id_BasicConstraints,
  id_ExtKeyUsage,
  id_KeyUsage,
  id_NameConstraints,
  id_SubjectAltName,
  id_SubjectKeyIdentifier,
  NameConstraints,
  Time,
} from "pkijs";

/** The type of WebCrypto keys, whose global name differs between the type libraries of programs. */
export type WebCryptoKey = (typeof CryptoKey)["prototype"];

/** The content of a certificate for servers (RFC 5280). */
export interface CertificatePlan {
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: WebCryptoKey;
  /** The issuer's private key. */
  readonly signingKey: WebCryptoKey;
  readonly kind: AuthorityKind | HostKind;
}

/** A certificate authority for these names and those below them, and for no IP address. */
export interface AuthorityKind {
  readonly names: readonly string[];
}

/** The certificate of one server. */
export interface HostKind {
  readonly name: string;
  /** Key id of the authority that signs. */
  readonly issuerKeyId: Uint8Array;
}

export interface IssuedCertificate {
  readonly pem: string;
  readonly keyId: Uint8Array;
}

const dnsName = 2;
const ipAddress = 7;
const commonName = "2.5.4.3";
const serverAuth = "1.3.6.1.5.5.7.3.1";
/** Bits of the key usage extension, highest first, and how many bits of the byte are unused. */
const digitalSignature = { bits: 0x80, unused: 7 };
const certificateSigning = { bits: 0x04, unused: 2 };

export async function issueCertificate(plan: CertificatePlan): Promise<IssuedCertificate> {
  const { subject, issuer, notBefore, notAfter, publicKey, signingKey, kind } = plan;
  const made = new Certificate({
    version: 2,
    serialNumber: new Integer({ valueHex: newSerial() }),
    notBefore: new Time({ value: notBefore }),
    notAfter: new Time({ value: notAfter }),
  });
  made.subject.typesAndValues.push(nameOf(subject));
  made.issuer.typesAndValues.push(nameOf(issuer));
  await made.subjectPublicKeyInfo.importKey(publicKey);
  const keyId = new Uint8Array(await made.getKeyHash());
  made.extensions = [
    extension(id_ExtKeyUsage, new ExtKeyUsage({ keyPurposes: [serverAuth] }).toSchema(), true),
    extension(id_SubjectKeyIdentifier, new OctetString({ valueHex: keyId })),
    ...("names" in kind ? authorityExtensions(kind) : hostExtensions(kind)),
  ];
  await made.sign(signingKey, "SHA-256");
  const text = Buffer.from(made.toSchema(true).toBER(false)).toString("base64");
  const lines = text.match(/.{1,64}/g) ?? [];
  return {
    pem: ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n"),
    keyId,
  };
}

function authorityExtensions({ names }: AuthorityKind): Extension[] {
  const constraints = new NameConstraints({
    permittedSubtrees: names.map(
      (value) => new GeneralSubtree({ base: new GeneralName({ type: dnsName, value }) }),
    ),
    // A network of zeroes with a mask of zeroes: every IPv4 and every IPv6 address.
    excludedSubtrees: [8, 32].map((bytes) => {
      const value = new OctetString({ valueHex: new Uint8Array(bytes) });
      return new GeneralSubtree({ base: new GeneralName({ type: ipAddress, value }) });
    }),
  });
  return [
    extension(id_BasicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema(), true),
    extension(id_KeyUsage, usage(certificateSigning), true),
    extension(id_NameConstraints, constraints.toSchema(), true),
  ];
}

function hostExtensions({ name, issuerKeyId }: HostKind): Extension[] {
  const keyIdentifier = new OctetString({ valueHex: issuerKeyId });
  return [
    extension(id_BasicConstraints, new BasicConstraints({ cA: false }).toSchema(), true),
    extension(id_KeyUsage, usage(digitalSignature), true),
    extension(
      id_SubjectAltName,
      new AltName({ altNames: [new GeneralName({ type: dnsName, value: name })] }).toSchema(),
    ),
    extension(id_AuthorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier }).toSchema()),
  ];
}

function extension(
  extnID: string,
  value: { toBER(sizeOnly?: boolean): ArrayBuffer },
  critical = false,
): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER(false) });
}

function usage({ bits, unused }: { readonly bits: number; readonly unused: number }): BitString {
  return new BitString({ valueHex: Uint8Array.of(bits), unusedBits: unused });
}

function nameOf(value: string): AttributeTypeAndValue {
  return new AttributeTypeAndValue({ type: commonName, value: new Utf8String({ value }) });
}

/** 16 bytes, random but for the first, which makes it a positive number. */
function newSerial(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(1, ...randomBytes(15));
}
