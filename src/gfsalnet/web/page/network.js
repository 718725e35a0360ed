// The network, run by ONNX Runtime: a picture goes in, where viewers look comes out.

const RUNTIMES = { // what is imported, and the name of its WebAssembly: the one that knows WebGPU is the larger
  wasm: ["./vendor/ort.wasm.min.mjs", "./vendor/ort-wasm-simd-threaded"],
  webgpu: ["./vendor/ort.jspi.min.mjs", "./vendor/ort-wasm-simd-threaded.jspi"],
};

const here = (name) => new URL(name, import.meta.url).href;

/** Whether this browser may have what the graphics processor needs. */
export const mayHaveWebGPU = () => "gpu" in navigator && "Suspending" in WebAssembly;

export class Network {
  /**
   * @param {{model: string, weights: string}} files names of the graph, and of the weights that it names
   * @param {"wasm" | "webgpu"} provider the processor, or the graphics processor
   * @param {number} threads of the processor; 1 where the page is not isolated from others
   */
  static async load({ model, weights }, provider, threads) {
    const [module, name] = RUNTIMES[provider];
    const ort = await import(module);
    ort.env.wasm.wasmPaths = { mjs: here(`${name}.mjs`), wasm: here(`${name}.wasm`) };
    ort.env.wasm.numThreads = threads;
    ort.env.logLevel = "error"; // that small steps stay on the processor is nothing to warn of
    const session = await ort.InferenceSession.create(here(model), {
      executionProviders: [provider],
      externalData: [{ path: weights, data: here(weights) }],
      extra: { session: { intra_op: { allow_spinning: "0" } } }, // threads that wait leave the cores to decoding
    });
    return Object.assign(new Network(), { ort, session });
  }

  /** (height × width) saliency, of any scale, of RGB bytes; sides are multiples of 32. */
  async saliency(rgb, height, width) {
    const picture = new this.ort.Tensor("uint8", rgb, [1, height, width, 3]);
    const { saliency } = await this.session.run({ rgb: picture }, ["saliency"]);
    return saliency.data;
  }
}
