"""The names that params.yaml may use, by kind, with the class of each. Nothing is imported here: classes are loaded on use."""

TYPES = {
    "train": "espalier.stages.types.train.Train",
    "translate": "espalier.stages.types.translate.Translate",
    "dataset": "espalier.stages.types.dataset.PrepareDataset",
    "features": "espalier.stages.types.features.TrainFeatures",
    "text": "espalier.stages.types.text.TrainText",
}
"""Stage types."""

SECTIONS = {"dataset": "datasets", "features": "features", "text": "texts"}
"""Groups in dvc.yaml that are not pipelines: each entry of the section in params.yaml is a stage of this type."""

SOURCES = {
    "dolls": "espalier.data.sources.dolls.DollSource",
    "fashiongan": "espalier.data.sources.fashiongan.FashionganSource",
    "folder": "espalier.data.sources.folder.FolderSource",
    "people": "espalier.data.sources.people.PeopleSource",
    "torchvision": "espalier.data.sources.torchvision.TorchvisionSource",
}

NETWORKS = {
    "progan": "espalier.stages.networks.progan.Progan",
    "dcgan": "espalier.stages.networks.dcgan.Dcgan",
    "resnet": "espalier.stages.networks.resnet.Resnet",
    "r3gan": "espalier.stages.networks.r3gan.R3gan",
    "stylegan2": "espalier.stages.networks.stylegan2.Stylegan2",
    "projected": "espalier.stages.networks.projected.Projected",
    "mlp": "espalier.stages.networks.mlp.Mlp",
    "fashion_shape": "espalier.stages.fashiongan.networks.FashionShape",
    "fashion_image": "espalier.stages.fashiongan.networks.FashionImage",
}

DEFAULT_NETWORK = "progan"
"""The network of a stage that names none."""

KINDS = {
    "images": "espalier.stages.kinds.images.Images",
    "maps": "espalier.stages.kinds.maps.Maps",
    "points": "espalier.stages.kinds.points.Points",
}

CONDITIONINGS = {"nothing": "espalier.stages.kinds.conditions.Nothing"}

LOSSES = {
    "minimax": "espalier.stages.tricks.minimax.Minimax",
    "nonsaturating": "espalier.stages.tricks.nonsaturating.NonSaturating",
    "wgan": "espalier.stages.tricks.wgan.Wgan",
    "lsgan": "espalier.stages.tricks.lsgan.Lsgan",
    "hinge": "espalier.stages.tricks.hinge.Hinge",
}

TRICKS = {
    # numbers that change over time, before anything reads them
    "schedule": "espalier.stages.tricks.schedule.Schedule",
    # the loss and its labels
    "relativistic": "espalier.stages.tricks.relativistic.Relativistic",
    "label_smoothing": "espalier.stages.tricks.label_smoothing.LabelSmoothing",
    "noisy_labels": "espalier.stages.tricks.noisy_labels.NoisyLabels",
    # networks: first layers that are built, then changes to built layers; the EMA copies the result
    "norm": "espalier.stages.tricks.norm.Norm",
    "virtual_batch_norm": "espalier.stages.tricks.virtual_batch_norm.VirtualBatch",
    "conditional_batch_norm": "espalier.stages.tricks.conditional_batch_norm.ConditionalNorm",
    "class_embedding": "espalier.stages.tricks.class_embedding.ClassEmbedding",
    "projection": "espalier.stages.tricks.projection.Projection",
    "acgan": "espalier.stages.tricks.acgan.Acgan",
    "dropout": "espalier.stages.tricks.dropout.Dropout",
    "layer_noise": "espalier.stages.tricks.layer_noise.LayerNoise",
    "self_attention": "espalier.stages.tricks.self_attention.SelfAttention",
    "minibatch_discrimination": "espalier.stages.tricks.minibatch_discrimination.MinibatchDiscrimination",
    "minibatch_stddev": "espalier.stages.tricks.minibatch_stddev.MinibatchStddev",
    "spectral_norm": "espalier.stages.tricks.spectral_norm.SpectralNorm",
    "ema": "espalier.stages.tricks.ema.Ema",
    # optimisers and the ratio of D to G steps
    "optimizers": "espalier.stages.tricks.optimizers.Optimizers",
    "ttur": "espalier.stages.tricks.ttur.Ttur",
    "ramp": "espalier.stages.tricks.ramp.Ramp",
    "n_critic": "espalier.stages.tricks.n_critic.NCritic",
    "simultaneous": "espalier.stages.tricks.simultaneous.Simultaneous",
    "weight_clipping": "espalier.stages.tricks.weight_clipping.WeightClipping",
    # the opponents, and the input of the discriminator: first changes to images, last their grouping
    "past_players": "espalier.stages.tricks.past_players.PastPlayers",
    "replay": "espalier.stages.tricks.replay.Replay",
    "fade": "espalier.stages.tricks.fade.Fade",
    "mirror": "espalier.stages.tricks.mirror.Mirror",
    "diffaugment": "espalier.stages.tricks.diffaugment.Diffaugment",
    "ada": "espalier.stages.tricks.ada.Ada",
    "instance_noise": "espalier.stages.tricks.instance_noise.InstanceNoise",
    "packing": "espalier.stages.tricks.packing.Packing",
    "unrolled": "espalier.stages.tricks.unrolled.Unrolled",
    # added loss terms: order only affects rounding
    "gradient_penalty": "espalier.stages.tricks.gradient_penalty.GradientPenalty",
    "zero_centered_penalty": "espalier.stages.tricks.zero_centered_penalty.ZeroCenteredPenalty",
    "dragan": "espalier.stages.tricks.dragan.Dragan",
    "r1": "espalier.stages.tricks.r1.R1",
    "r2": "espalier.stages.tricks.r2.R2",
    "lecam": "espalier.stages.tricks.lecam.Lecam",
    "drift": "espalier.stages.tricks.drift.Drift",
    "historical_averaging": "espalier.stages.tricks.historical_averaging.HistoricalAveraging",
    "path_length": "espalier.stages.tricks.path_length.PathLength",
    "feature_matching": "espalier.stages.tricks.feature_matching.FeatureMatching",
    "perceptual": "espalier.stages.tricks.perceptual.Perceptual",
    "matching_aware": "espalier.stages.tricks.matching_aware.MatchingAware",
    "reconstruction": "espalier.stages.tricks.reconstruction.Reconstruction",
}
"""Tricks are applied in this order at every point of the loop; user-defined ones come last, in the order of params.yaml."""

METRICS = {
    "fid": "espalier.stages.metrics.frechet.Fid",
    "kid": "espalier.stages.metrics.kernel.Kid",
    "precision_recall": "espalier.stages.metrics.manifold.PrecisionRecall",
    "classes": "espalier.stages.metrics.classes.Classes",
    "diversity": "espalier.stages.metrics.diversity.Diversity",
    "swd": "espalier.stages.metrics.sliced_wasserstein.Swd",
    "ms_ssim": "espalier.stages.metrics.ms_ssim.MsSsim",
    "support": "espalier.stages.metrics.birthday.Support",
}
"""Metrics, in the order in which they are computed; an evaluation has all that apply."""

COMPONENTS = {"evaluate": "espalier.stages.loop.evaluate.Evaluate"}
"""Optional components of the training loop, each a key of a stage."""
