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

/** A key of WebCrypto, by whichever name of it the types of a program have. */
export type Key = (typeof CryptoKey)["prototype"];

/** What a certificate for servers says (RFC 5280). */
export interface CertificatePlan {
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: Key;
  /** Of the issuer. */
  readonly signingKey: Key;
  readonly kind: Authority | Host;
}

/** It signs certificates for these names and those below them, and for no address. */
export interface Authority {
  readonly names: readonly string[];
}

export interface Host {
  readonly name: string;
  /** Of the authority that signs. */
  readonly issuerKeyId: Uint8Array;
}

export interface MadeCertificate {
  readonly pem: string;
  readonly keyId: Uint8Array;
}

const dnsName = 2;
const ipAddress = 7;
const commonName = "2.5.4.3";
const serverAuth = "1.3.6.1.5.5.7.3.1";
/** Bits of a key usage from the highest on, and how many of the byte are not used. */
const digitalSignature = { bits: 0x80, unused: 7 };
const certificateSigning = { bits: 0x04, unused: 2 };

export async function makeCertificate(plan: CertificatePlan): Promise<MadeCertificate> {
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
    ...("names" in kind ? ofAuthority(kind) : ofHost(kind)),
  ];
  await made.sign(signingKey, "SHA-256");
  const text = Buffer.from(made.toSchema(true).toBER(false)).toString("base64");
  const lines = text.match(/.{1,64}/g) ?? [];
  return {
    pem: ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n"),
    keyId,
  };
}

function ofAuthority({ names }: Authority): Extension[] {
  const constraints = new NameConstraints({
    permittedSubtrees: names.map(
      (value) => new GeneralSubtree({ base: new GeneralName({ type: dnsName, value }) }),
    ),
    // Networks with their masks: every address of IPv4 and of IPv6.
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

function ofHost({ name, issuerKeyId }: Host): Extension[] {
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

/** Random but for its first byte, which makes it a positive number. */
function newSerial(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(1, ...randomBytes(15));
}
