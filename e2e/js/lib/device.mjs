// A metering device with an ed25519 key. It encodes what it signs by the chain's own metadata.

import { compactToU8a, stringToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2AsU8a, ed25519PairFromSeed, ed25519Sign } from '@polkadot/util-crypto';

/** A value of the type with this path in the metadata, for example `gridweave_primitives::reading::Reading`. */
export function typed(api, path, value) {
  const wanted = path.split('::').join('.');
  const type = api.registry.metadata.lookup.types.find(
    ({ type }) => type.path.map((part) => part.toString()).join('.') === wanted,
  );
  if (!type) throw new Error(`the metadata has no type ${path}`);
  return api.registry.createType(api.registry.createLookupType(type.id), value);
}

export class Device {
  constructor(api, name) {
    this.api = api;
    this.name = stringToU8a(name);
    this.pair = ed25519PairFromSeed(blake2AsU8a(this.name));
    this.sequence = 0;
    this.importRegister = 0;
    this.exportRegister = 0;
  }

  /** In hex: the client takes bare bytes for an encoding that begins with their number. */
  get serial() {
    return u8aToHex(this.name);
  }

  get key() {
    return { Ed25519: this.pair.publicKey };
  }

  #sign(...parts) {
    return { Ed25519: ed25519Sign(blake2AsU8a(u8aConcat(...parts)), this.pair) };
  }

  /** Proof that the device holds its key, for one owner and microgrid of one chain. */
  proof(owner, microgrid) {
    return this.#sign(
      'gridweave/register/v1',
      this.api.genesisHash.toU8a(),
      owner.publicKey,
      this.api.createType('u32', microgrid).toU8a(),
      compactToU8a(this.name.length),
      this.name,
    );
  }

  /** Adds to the registers and reads them at `capturedAt`; returns the signed reading, encoded. */
  read(capturedAt, imported, exported) {
    this.sequence += 1;
    this.importRegister += imported;
    this.exportRegister += exported;
    const reading = typed(this.api, 'gridweave_primitives::reading::Reading', {
      meter: this.meter,
      sequence: this.sequence,
      capturedAt,
      importRegister: this.importRegister,
      exportRegister: this.exportRegister,
      stateOfCharge: null,
      quality: null,
      acknowledged: null,
      status: 0,
    });
    const signature = this.#sign('gridweave/reading/v1', this.api.genesisHash.toU8a(), reading.toU8a());
    return typed(this.api, 'gridweave_primitives::reading::SignedReading', {
      reading,
      signature,
    }).toU8a();
  }
}
