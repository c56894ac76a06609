"""The nouns that only exist: one line each says what differs by name. What some of them do beyond that stands in the
file of their family. ARNs: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from clary.resource.resource import Resource, Said, Words
from clary.services.sagemaker import package, workforce

EXPERIMENTS = Words(
    missing="{noun} '{arn}' does not exist.",
    # The SDKs look for these words to load what is there already.
    exists="{noun} names must be unique within an AWS account and region. {noun} with name ({name}) already exists.",
    in_use="{noun} '{arn}' is linked to 1 or more other resources and cannot be deleted.",
)
LINEAGE = Words(
    missing=EXPERIMENTS.missing,
    exists=EXPERIMENTS.exists,
    in_use="{noun} '{arn}' has associations and cannot be deleted. Delete its associations first.",
)
LIFECYCLE = Words(
    missing="Unable to {verb} Notebook Instance Lifecycle Config '{arn}'. "
    "(Details: Notebook Instance Lifecycle Config does not exist.)",
    exists="Unable to create Notebook Instance Lifecycle Config {arn}. "
    "(Details: Notebook Instance Lifecycle Config already exists.)",
)
MONITORED = ("JobResources", "NetworkConfig", "StoppingCondition")  # monitoring jobs that would use them don't run yet
STUDIO = ("DefaultUserSettings", "DefaultSpaceSettings", "DomainSettings", "UserSettings", "SpaceSettings")
CONTAINERS = ("PrimaryContainer", "Containers[]")
CONTAINER = (
    "ImageConfig",
    "MultiModelConfig",
    "ContainerMetricsConfig",
    *(
        f"ModelDataSource.S3DataSource.{member}"
        for member in ("ModelAccessConfig", "HubAccessConfig", "ManifestS3Uri", "ETag", "ManifestEtag")
    ),
)
VARIANTS = ("ProductionVariants", "ShadowProductionVariants")
VARIANT = (
    "AcceleratorType",
    "VariantInstanceProvisionTimeoutInSeconds",
    "CoreDumpConfig",
    "ModelDataDownloadTimeoutInSeconds",
    "EnableSSMAccess",
    "RoutingConfig",
    "InferenceAmiVersion",
    "CapacityReservationConfig",
    "AcceleratorPartitionLayouts",
)
NETWORK = ("SubnetIds", "VpcId", "AppNetworkAccessType", "AppSecurityGroupManagement", "KmsKeyId")

NOUNS = (
    # What is served and registered: model.py, endpoint_config.py, package.py
    Resource(
        "Model",
        "model/{ModelName}",
        Words('Could not find model "{arn}".', 'Cannot create already existing model "{arn}".'),
        also={"EnableNetworkIsolation": False},
        fold=True,
        unused=("VpcConfig", *(f"{place}.{member}" for place in CONTAINERS for member in CONTAINER)),
    ),
    Resource(
        "EndpointConfig",
        "endpoint-config/{EndpointConfigName}",
        Words(
            'Could not find endpoint configuration "{arn}".',
            'Cannot create already existing endpoint configuration "{arn}".',
        ),
        also={"EnableNetworkIsolation": False},
        fold=True,
        unused=(
            "ExplainerConfig",
            "KmsKeyId",
            "VpcConfig",
            "EnableNetworkIsolation",
            "ExecutionRoleArn",
            "MetricsConfig",
            "CrossRegionTrafficConfig",
            "DataCaptureConfig.KmsKeyId",
            "AsyncInferenceConfig.OutputConfig.KmsKeyId",
            *(f"{place}[].{member}" for place in VARIANTS for member in VARIANT),
        ),
    ),
    Resource(
        "ModelPackageGroup",
        "model-package-group/{ModelPackageGroupName}",
        Words(
            "ModelPackageGroup {arn} does not exist.",
            "Model Package Group already exists: {arn}",
            "Model Package Group {arn} cannot be deleted because it contains Model Packages.",
        ),
        also={"ModelPackageGroupStatus": "Completed"},
        unused=("ManagedConfiguration",),
    ),
    Resource(
        "ModelPackage",
        "model-package/{ModelPackageName}",
        Words("ModelPackage {arn} does not exist.", "Model Package already exists: {arn}"),
        also={"ModelPackageStatus": "Completed", "ModelPackageStatusDetails": {"ValidationStatuses": []}},
        parents={"ModelPackageGroupName": "ModelPackageGroup"},
        summary={"ModelPackageName": "UnversionedName"},
        view=package.shown,
        merge=("CustomerMetadataProperties",),
        unused=(
            "InferenceSpecification",
            "AdditionalInferenceSpecifications",
            "SecurityConfig",
            "ManagedStorageType",
            "SkipModelValidation",
            "SamplePayloadUrl",
            "DriftCheckBaselines",
        ),
    ),
    Resource(
        "Algorithm",
        "algorithm/{AlgorithmName}",
        Words("Algorithm {arn} does not exist.", "Algorithm already exists: {arn}"),
        also={"AlgorithmStatus": "Completed", "AlgorithmStatusDetails": {"ValidationStatuses": []}},
        unused=("TrainingSpecification", "InferenceSpecification"),
    ),
    # Experiments, in experiment.py
    Resource("Experiment", "experiment/{ExperimentName}", EXPERIMENTS, also={"DisplayName": "{ExperimentName}"}),
    Resource(
        "Trial",
        "experiment-trial/{TrialName}",
        EXPERIMENTS,
        also={"DisplayName": "{TrialName}"},
        parents={"ExperimentName": "Experiment"},
    ),
    Resource(
        "TrialComponent",
        "experiment-trial-component/{TrialComponentName}",
        EXPERIMENTS,
        also={"DisplayName": "{TrialComponentName}"},
        merge=("Parameters", "InputArtifacts", "OutputArtifacts"),
    ),
    # Lineage, in lineage.py
    Resource("Action", "action/{ActionName}", LINEAGE, filters={"SourceUri": "Source.SourceUri"}),
    Resource("Artifact", "artifact/{ArtifactId}", LINEAGE, filters={"SourceUri": "Source.SourceUri"}),
    Resource("Context", "context/{ContextName}", LINEAGE, filters={"SourceUri": "Source.SourceUri"}),
    Resource("LineageGroup", "lineage-group/{LineageGroupName}", LINEAGE),
    Resource("Association", "association/{AssociationKey}", LINEAGE),
    # Pipelines and model cards, which have versions: pipeline.py, card.py
    Resource("Pipeline", "pipeline/{PipelineName}", EXPERIMENTS, also={"PipelineStatus": "Active"}),
    Resource("PipelineVersion", "pipeline/{PipelineName}/version/{PipelineVersionId}", EXPERIMENTS),
    Resource(
        "ModelCard",
        "model-card/{ModelCardName}",
        Words("Model card {arn} does not exist.", Said("ConflictException", "Model card already exists: {arn}")),
        unused=("SecurityConfig",),
    ),
    Resource("ModelCardVersion", "model-card/{ModelCardName}/version/{ModelCardVersion}"),
    # What monitors: the jobs themselves come later
    Resource(
        "DataQualityJobDefinition",
        "data-quality-job-definition/{JobDefinitionName}",
        summary={"EndpointName": "DataQualityJobInput.EndpointInput.EndpointName"},
        filters={"EndpointName": "DataQualityJobInput.EndpointInput.EndpointName"},
        unused=(
            "DataQualityAppSpecification",
            "DataQualityBaselineConfig",
            "DataQualityJobInput",
            *MONITORED,
            "DataQualityJobOutputConfig",
        ),
    ),
    Resource(
        "ModelQualityJobDefinition",
        "model-quality-job-definition/{JobDefinitionName}",
        summary={"EndpointName": "ModelQualityJobInput.EndpointInput.EndpointName"},
        filters={"EndpointName": "ModelQualityJobInput.EndpointInput.EndpointName"},
        unused=(
            "ModelQualityAppSpecification",
            "ModelQualityBaselineConfig",
            "ModelQualityJobInput",
            *MONITORED,
            "ModelQualityJobOutputConfig",
        ),
    ),
    Resource(
        "ModelBiasJobDefinition",
        "model-bias-job-definition/{JobDefinitionName}",
        summary={"EndpointName": "ModelBiasJobInput.EndpointInput.EndpointName"},
        filters={"EndpointName": "ModelBiasJobInput.EndpointInput.EndpointName"},
        unused=(
            "ModelBiasAppSpecification",
            "ModelBiasBaselineConfig",
            "ModelBiasJobInput",
            *MONITORED,
            "ModelBiasJobOutputConfig",
        ),
    ),
    Resource(
        "ModelExplainabilityJobDefinition",
        "model-explainability-job-definition/{JobDefinitionName}",
        summary={"EndpointName": "ModelExplainabilityJobInput.EndpointInput.EndpointName"},
        filters={"EndpointName": "ModelExplainabilityJobInput.EndpointInput.EndpointName"},
        unused=(
            "ModelExplainabilityAppSpecification",
            "ModelExplainabilityBaselineConfig",
            *MONITORED,
            "ModelExplainabilityJobInput",
            "ModelExplainabilityJobOutputConfig",
        ),
    ),
    # What notebooks and Studio are set up with: studio.py
    Resource(
        "CodeRepository",
        "code-repository/{CodeRepositoryName}",
        Words('Cannot find CodeRepository: "{arn}"', 'Cannot create a duplicate CodeRepository: "{arn}"'),
        merge=("GitConfig",),
        unused=("GitConfig",),
    ),
    Resource(
        "NotebookInstanceLifecycleConfig",
        "notebook-instance-lifecycle-config/{NotebookInstanceLifecycleConfigName}",
        LIFECYCLE,
        unused=("OnCreate", "OnStart"),
    ),
    Resource(
        "StudioLifecycleConfig",
        "studio-lifecycle-config/{StudioLifecycleConfigName}",
        unused=("StudioLifecycleConfigContent",),
    ),
    Resource(
        "AppImageConfig",
        "app-image-config/{AppImageConfigName}",
        Words("AppImageConfig with name {name} does not exist."),
        unused=("KernelGatewayImageConfig", "JupyterLabAppImageConfig", "CodeEditorAppImageConfig"),
    ),
    Resource(
        "Image",
        "image/{ImageName}",
        Words("No Image with the name {name} found."),
        also={"ImageStatus": "CREATED"},
    ),
    Resource(
        "ImageVersion",
        "image-version/{ImageName}/{Version}",
        Words("No ImageVersion {name} found for the Image {ImageName}."),
    ),
    Resource(
        "Domain",
        "domain/{DomainId}",
        Words(
            "Domain [{name}] does not exist.",
            in_use="Unable to delete Domain [{name}] because it has UserProfiles or Spaces.",
        ),
        also={"Status": "InService", "AppNetworkAccessType": "PublicInternetOnly"},
        merge=("DefaultUserSettings", "DefaultSpaceSettings"),
        unused=(
            *STUDIO[:3],
            *NETWORK,
            "AuthMode",
            "HomeEfsFileSystemKmsKeyId",
            "HomeEfsFileSystemCreation",
            "TagPropagation",
        ),
    ),
    Resource(
        "UserProfile",
        "user-profile/{DomainId}/{UserProfileName}",
        Words("UserProfile [{name}] does not exist."),
        also={"Status": "InService"},
        parents={"DomainId": "Domain"},
        merge=("UserSettings",),
        unused=("UserSettings", "SingleSignOnUserIdentifier", "SingleSignOnUserValue"),
    ),
    Resource(
        "Space",
        "space/{DomainId}/{SpaceName}",
        Words("Space [{name}] does not exist."),
        also={"Status": "InService"},
        parents={"DomainId": "Domain"},
        merge=("SpaceSettings",),
        summary={
            "SpaceSettingsSummary": "SpaceSettings",
            "SpaceSharingSettingsSummary": "SpaceSharingSettings",
            "OwnershipSettingsSummary": "OwnershipSettings",
        },
        unused=("SpaceSettings", "OwnershipSettings", "SpaceSharingSettings"),
    ),
    Resource(
        "AIWorkloadConfig",
        "ai-workload-config/{AIWorkloadConfigName}",
        unused=("DatasetConfig", "AIWorkloadConfigs"),
    ),
    # Hubs, in hub.py
    Resource(
        "Hub",
        "hub/{HubName}",
        also={"HubStatus": "InService"},
        unused=("S3StorageConfig",),
    ),
    Resource(
        "HubContent",
        "hub-content/{HubName}/{HubContentType}/{HubContentName}/{HubContentVersion}",
        also={"HubContentStatus": "Available", "SupportStatus": "Supported"},
        parents={"HubName": "Hub"},
    ),
    # People who label and review: workforce.py
    Resource(
        "Workforce",
        "workforce/{WorkforceName}",
        Words(
            "No workforce found with name {name}.",
            "Workforce {name} already exists.",
            Said("ResourceInUse", "Workforce {name} contains one or more work teams. Delete the work teams first."),
        ),
        also={"Status": "Active"},
        unused=("OidcConfig", "SourceIpConfig", "WorkforceVpcConfig", "IpAddressType"),
    ),
    Resource(
        "Workteam",
        "workteam/private-crowd/{WorkteamName}",
        Words("The work team {arn} does not exist."),
        parents={"WorkforceName": "Workforce"},
        unused=("MemberDefinitions", "NotificationConfiguration", "WorkerAccessConfiguration"),
    ),
    Resource(
        "HumanTaskUi",
        "human-task-ui/{HumanTaskUiName}",
        also={"HumanTaskUiStatus": "Active"},
        view=workforce.shown_ui,
    ),
    Resource(
        "FlowDefinition",
        "flow-definition/{FlowDefinitionName}",
        also={"FlowDefinitionStatus": "Active"},
        unused=("HumanLoopRequestSource", "HumanLoopActivationConfig", "HumanLoopConfig", "OutputConfig"),
    ),
    # Fleets of devices at the edge: fleet.py
    Resource(
        "DeviceFleet",
        "device-fleet/{DeviceFleetName}",
        Words(
            Said("ValidationException", "No devicefleet with name: {name}"),
            in_use="DeviceFleet {name} has registered devices and cannot be deleted.",
        ),
        unused=("OutputConfig",),
    ),
    Resource(
        "Device",
        "device-fleet/{DeviceFleetName}/device/{DeviceName}",
        Words(Said("ValidationException", "No device with name: {name}"), "Device already registered: {name}"),
        parents={"DeviceFleetName": "DeviceFleet"},
    ),
)
