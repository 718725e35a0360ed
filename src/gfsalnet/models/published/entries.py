"""The published models: what each is, whose weights it needs, and where those are.

No weights of theirs are in the package. Licences are those of the weights; the re-implementations are under our own.
"""

from __future__ import annotations

from gfsalnet.models.entry import Download, InWheel, ModelEntry

_HERE = "gfsalnet.models.published"


def _how_to_get(name: str, file: str, where: str, *, can_download: bool = False) -> str:
    by_hand = f"fetch {file} from {where}, then: gfsalnet weights convert {name} FILE"
    return f"gfsalnet weights download {name}. Or {by_hand}" if can_download else by_hand


PUBLISHED: tuple[ModelEntry, ...] = (
    ModelEntry(
        "unisal",
        "one small recurrent network for images and videos, on MobileNetV2",
        "Apache-2.0",
        _how_to_get(
            "unisal", "training_runs/pretrained_unisal/weights_best.pth", "github.com/rdroste/unisal", can_download=True
        ),
        network=f"{_HERE}.unisal:UNISAL",
        paper="Droste et al., ECCV 2020",
        parameters=3_714_872,
        megabytes=15.4,
        download=Download(
            "https://raw.githubusercontent.com/rdroste/unisal/master/training_runs/pretrained_unisal/weights_best.pth",
            "weights_best.pth",
            size_bytes=15_368_928,
            sha256="4a9157411f1741d588b15670d15295e998805648b8b6348599fe447298338481",
            in_wheel=InWheel(
                "pyautoflip==0.2.1",
                "pyautoflip/3rd_party_libs/unisal/training_runs/pretrained_unisal/weights_best.pth",
            ),
        ),
    ),
    ModelEntry(
        "tased-net",
        "S3D encoder, 3-D decoder that unpools where the encoder's maxima lay, windows of 32 frames",
        "MIT",
        _how_to_get("tased-net", "TASED_updated.pt", "github.com/MichiganCOG/TASED-Net", can_download=True),
        network=f"{_HERE}.tased:TASEDNet",
        paper="Min and Corso, ICCV 2019",
        parameters=21_260_693,
        megabytes=82,
        download=Download(
            "https://drive.google.com/uc?export=download&confirm=t&id=1y4KSTm-e7kP84k0IyVI-rRtmYZkrC-wL",
            "TASED_updated.pt",
        ),
    ),
    ModelEntry(
        "vinet",
        "S3D encoder, 3-D decoder with skips joined along time, windows of 32 frames",
        "MIT",
        "the link of github.com/samyak0210/ViNet has been dead since 2022 (its issues 41 and 46; the first names a "
        "user's copy). With ViNet_DHF1K.pt: gfsalnet weights convert vinet FILE",
        network=f"{_HERE}.vinet:ViNet",
        paper="Jain et al., IROS 2021",
        parameters=31_099_585,
        megabytes=124,
    ),
    ModelEntry(
        "vinet-s",
        "ViNet with grouped convolutions in the decoder",
        "CC BY-NC-SA 4.0, not for commercial use",
        _how_to_get("vinet-s", "the ViNet-S checkpoint", "the Drive link of github.com/ViNet-Saliency/vinet_v2"),
        network=f"{_HERE}.vinet:ViNetS",
        paper="Girmaji et al., ICASSP 2025",
        parameters=9_500_737,
        megabytes=36,
    ),
    ModelEntry(
        "salgan",
        "VGG-16 encoder and its mirror image, for images, trained adversarially",
        "MIT",
        _how_to_get(
            "salgan", "gen_modelWeights0090.npz", "github.com/imatge-upc/saliency-salgan-2017", can_download=True
        ),
        network=f"{_HERE}.salgan:SalGAN",
        paper="Pan et al., arXiv 1701.01081, 2017",
        parameters=31_787_009,
        megabytes=127,
        download=Download(
            "https://imatge.upc.edu/web/sites/default/files/resources/1720/saliency/2017-salgan/gen_modelWeights0090.npz",
            "gen_modelWeights0090.npz",
        ),
    ),
    ModelEntry(
        "salema",
        "SalGAN with a moving average over time at its bottleneck",
        "none stated: ask the authors",
        _how_to_get("salema", "SalEMA30.pt", "the link of github.com/Linardos/SalEMA"),
        network=f"{_HERE}.salema:SalEMA",
        paper="Linardos et al., BMVC 2019",
        parameters=31_787_010,
        megabytes=364,
    ),
    ModelEntry(
        "aclnet",
        "VGG-16, a learned map of attention, a convolutional LSTM",
        "CC BY 4.0",
        _how_to_get("aclnet", "ACL.h5", "the Drive link of github.com/wenguanwang/DHF1K"),
        network=f"{_HERE}.aclnet:ACLNet",
        paper="Wang et al., CVPR 2018 and TPAMI 2021",
        parameters=21_982_786,
        megabytes=252,
    ),
    ModelEntry(
        "om-cnn",
        "DeepVS: objectness and motion networks, a two-layer convolutional LSTM, windows of 16 frames",
        "MIT",
        _how_to_get(
            "om-cnn",
            "the checkpoint LSTMconv_prefinal_loss05_dp075_075MC100-200000",
            "the Drive link of github.com/remega/OMCNN_2CLSTM",
        ),
        network=f"{_HERE}.om_cnn:OMCNN",
        paper="Jiang et al., ECCV 2018",
        parameters=83_726_752,
        megabytes=344,
    ),
    ModelEntry(
        "stra-net",
        "two ResNet-50 backbones with residual cross connections, dense attention, a convolutional GRU",
        "none stated: ask the authors",
        _how_to_get("stra-net", "UHD_dcross_res_matt_res.h5", "the Drive link of github.com/ashleylqx/STRA-Net"),
        network=f"{_HERE}.stranet:STRANet",
        paper="Lai et al., TIP 2020",
        parameters=168_016_916,
        megabytes=641,
    ),
    ModelEntry(
        "stsconvnet",
        "two convolutional streams, frame and flow picture, fused by a convolution",
        "none stated: ask the authors",
        _how_to_get("stsconvnet", "stsconvnet.caffemodel", "the link of github.com/cagdasbak/dynamicsaliency"),
        network=f"{_HERE}.stsconvnet:STSConvNet",
        paper="Bak et al., TMM 2018",
        parameters=41_248_257,
        megabytes=165,
    ),
    *(
        ModelEntry(
            name,
            what,
            "that of your weights",
            f"no weights were published. With a caffemodel of your own: gfsalnet weights convert {name} FILE",
            network=f"{_HERE}.stsconvnet:{class_name}",
            paper="Bak et al., TMM 2018",
            parameters=parameters,
            weights_published=False,
        )
        for name, class_name, what, parameters in (
            ("stsmaxnet", "STSMaxNet", "stsconvnet fused by the larger value", 40_723_457),
            ("ssnet", "SSNet", "the frame's stream of stsconvnet alone", 25_806_209),
            ("tsnet", "TSNet", "the flow picture's stream of stsconvnet alone", 25_806_209),
        )
    ),
)
