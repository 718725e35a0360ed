// The network, run by ONNX Runtime: a picture goes in, where viewers look comes out.
import * as ort from "./vendor/ort.wasm.min.mjs";

const here = (name) => new URL(name, import.meta.url).href;
ort.env.wasm.wasmPaths = {
  mjs: here("./vendor/ort-wasm-simd-threaded.mjs"),
  wasm: here("./vendor/ort-wasm-simd-threaded.wasm"),
};

export class Network {
  /**
   * @param {{model: string, weights: string}} files names of the graph, and of the weights that it names
   * @param {number} threads 1 where the page is not isolated from others
   */
  static async load({ model, weights }, threads) {
    ort.env.wasm.numThreads = threads;
    const network = new Network();
    network.session = await ort.InferenceSession.create(here(model), {
      executionProviders: ["wasm"],
      externalData: [{ path: weights, data: here(weights) }],
      extra: { session: { intra_op: { allow_spinning: "0" } } }, // threads that wait leave the cores to decoding
    });
    return network;
  }

  /** (height × width) saliency, of any scale, of RGB bytes; sides are multiples of 32. */
  async saliency(rgb, height, width) {
    const picture = new ort.Tensor("uint8", rgb, [1, height, width, 3]);
    const { saliency } = await this.session.run({ rgb: picture }, ["saliency"]);
    return saliency.data;
  }
}
